/// Drops elements of the differences from the base at random, rescales the rest and adds them
/// (DARE, arXiv:2311.03099).
public struct DARELinear: TaskVectorMethod {
  let taskVectors: TaskVectorMerge

  /// Prepares the merge of one group.
  ///
  /// - Parameter group: the group, its first input the base.
  /// - Throws: ``MethodFault`` when the weights are normalized and sum to zero.
  public init(_ group: MergeGroup) throws(MethodFault) {
    taskVectors = try TaskVectorMerge(group, sparsification: .random, electsSign: false)
  }
}

extension DARELinear {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "dare_linear",
    title: "Linear DARE",
    summary: "drops differences at random, rescales and adds the rest",
    formula: """
      dᵢ = xᵢ - b, each element kept with probability density, 0 elsewhere
      dᵢ = dᵢ · Σ|xᵢ - b| / Σ|dᵢ|      (rescale: true)
      out = b + λ·Σ wᵢ·dᵢ              (normalize: false)
      out = b + λ·Σ wᵢ·dᵢ / Σ wᵢ       (normalize: true)

      semantics: paper, peft   dᵢ is divided by the density instead
      """,
    goodFor: """
      Fine-tunes with much redundancy: most of a difference can be dropped without losing the skill.
      """,
    base: .required,
    models: 1...Int.max,
    parameters: TaskVectorParameters.all(normalize: false, rescale: true)
      + [TaskVectorSemantics.parameter(.mergekit, .paper, .peft)],
    source: "https://arxiv.org/abs/2311.03099",
    differences: [
      """
      What is dropped depends on the seed, the model's place, the tensor's name and the \
      element only; it is the same on every machine. Without --seed the seed is 0.
      """,
      "A difference whose sum of magnitudes is below 1e-7 is rescaled too; mergekit leaves it.",
      "Weights, factors and intermediate results are not rounded to the type of the tensors.",
    ],
    example: """
      merge_method: dare_linear
      base_model: ./base
      models:
        - model: ./math
          parameters: {weight: 0.8, density: 0.5}
        - model: ./code
          parameters: {weight: 0.8, density: 0.5}
      """)
}
