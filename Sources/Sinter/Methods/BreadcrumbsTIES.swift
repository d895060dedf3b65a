/// Drops the smallest and the very largest differences from the base and keeps of the rest those
/// that agree in sign (Model Breadcrumbs, arXiv:2312.06795, with the election of TIES).
public struct BreadcrumbsTIES: TaskVectorMethod {
  let taskVectors: TaskVectorMerge

  /// Prepares the merge of one group.
  ///
  /// - Parameter group: the group, its first input the base.
  /// - Throws: ``MethodFault`` when the weights are normalized and sum to zero.
  public init(_ group: MergeGroup) throws(MethodFault) {
    taskVectors = try TaskVectorMerge(
      group, sparsification: .magnitudeWithoutOutliers, electsSign: true)
  }
}

extension BreadcrumbsTIES {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "breadcrumbs_ties",
    title: "Model Breadcrumbs with TIES",
    summary: "drops the smallest and the very largest differences, keeps those that agree in sign",
    formula: """
      dᵢ = xᵢ - b without its ⌊gamma·n⌋ largest magnitudes, of the rest the ⌊density·n⌋ largest,
           0 elsewhere; fewer outliers are left out where less than that would remain
      s  = sign of Σ wᵢ·dᵢ, + for a sum of zero
      mix = Σ wᵢ·dᵢ over the models with sign(wᵢ·dᵢ) = s
      out = b + λ·mix                             (normalize: false)
      out = b + λ·mix / Σ wᵢ of those models      (normalize: true)
      """,
    goodFor: """
      As breadcrumbs, where the models change the same weights in different directions.
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
      merge_method: breadcrumbs_ties
      base_model: ./base
      models:
        - model: ./math
          parameters: {weight: 0.8, density: 0.9}
        - model: ./code
          parameters: {weight: 0.8, density: 0.9}
      """)
}
