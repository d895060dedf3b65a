/// Adds weighted differences from the base (task arithmetic, arXiv:2212.04089).
public struct TaskArithmetic: TaskVectorMethod {
  let taskVectors: TaskVectorMerge

  /// Prepares the merge of one group.
  ///
  /// - Parameter group: the group, its first input the base.
  /// - Throws: ``MethodFault`` when the weights are normalized and sum to zero.
  public init(_ group: MergeGroup) throws(MethodFault) {
    taskVectors = try TaskVectorMerge(group, sparsification: .none, electsSign: false)
  }
}

extension TaskArithmetic {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "task_arithmetic",
    title: "Task Arithmetic",
    summary: "adds weighted differences from the base",
    formula: """
      dᵢ = xᵢ - b
      out = b + λ·Σ wᵢ·dᵢ              (normalize: false)
      out = b + λ·Σ wᵢ·dᵢ / Σ wᵢ       (normalize: true)
      Nothing is thinned out: density and rescale are accepted and change nothing.
      """,
    goodFor: """
      Combining fine-tunes of one base, and removing what one learned (negative weight). The most \
      dependable of the task-vector methods.
      """,
    base: .required,
    models: 1...Int.max,
    parameters: TaskVectorParameters.all(normalize: false, rescale: false),
    source: "https://arxiv.org/abs/2212.04089",
    differences: [
      "Weights, factors and intermediate results are not rounded to the type of the tensors."
    ],
    example: """
      merge_method: task_arithmetic
      base_model: ./base
      models:
        - model: ./math
          parameters: {weight: 0.8}
        - model: ./code
          parameters: {weight: 0.8}
      """)
}
