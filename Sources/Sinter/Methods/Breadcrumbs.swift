/// Drops the smallest and the very largest differences from the base and adds the rest (Model
/// Breadcrumbs, arXiv:2312.06795).
public struct Breadcrumbs: TaskVectorMethod {
  let taskVectors: TaskVectorMerge

  /// Prepares the merge of one group.
  ///
  /// - Parameter group: the group, its first input the base.
  /// - Throws: ``MethodFault`` when the weights are normalized and sum to zero.
  public init(_ group: MergeGroup) throws(MethodFault) {
    taskVectors = try TaskVectorMerge(
      group, sparsification: .magnitudeWithoutOutliers, electsSign: false)
  }
}

extension Breadcrumbs {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "breadcrumbs",
    title: "Model Breadcrumbs",
    summary: "drops the smallest and the very largest differences and adds the rest",
    formula: """
      dᵢ = xᵢ - b without its ⌊gamma·n⌋ largest magnitudes, of the rest the ⌊density·n⌋ largest,
           0 elsewhere; fewer outliers are left out where less than that would remain
      out = b + λ·Σ wᵢ·dᵢ              (normalize: false)
      out = b + λ·Σ wᵢ·dᵢ / Σ wᵢ       (normalize: true)
      """,
    goodFor: """
      Fine-tunes that changed a few weights out of all proportion. At a density of 1, the default, \
      nothing is dropped and the method is task arithmetic.
      """,
    base: .required,
    models: 1...Int.max,
    parameters: TaskVectorParameters.all(normalize: false, rescale: false)
      + [TaskVectorParameters.gamma],
    source: "https://arxiv.org/abs/2312.06795",
    differences: [
      """
      Of equal magnitudes the one of lowest index counts as the largest, so exactly ⌊density·n⌋ \
      elements are kept. mergekit keeps any of them.
      """,
      "Weights, factors and intermediate results are not rounded to the type of the tensors.",
    ],
    example: """
      merge_method: breadcrumbs
      base_model: ./base
      models:
        - model: ./math
          parameters: {weight: 0.8, density: 0.9}
        - model: ./code
          parameters: {weight: 0.8, density: 0.9}
      """)
}
