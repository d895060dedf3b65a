public import SinterTensors

/// Drops the smallest and the very largest differences from the base and keeps of the rest those
/// that agree in sign (Model Breadcrumbs, arXiv:2312.06795, with the election of TIES).
public struct BreadcrumbsTIES: MergeMethod {
  private let taskVectors: TaskVectorMerge

  /// Prepares the merge of one group.
  ///
  /// - Parameter group: the group, its first input the base.
  /// - Throws: ``MethodFault`` when the weights are normalized and sum to zero.
  public init(_ group: MergeGroup) throws(MethodFault) {
    taskVectors = try TaskVectorMerge(
      group, sparsification: .magnitudeWithoutOutliers, electsSign: true)
  }

  /// The rows that the arithmetic works in.
  public var scratchRows: Int { taskVectors.scratchRows }

  /// The histograms of magnitudes.
  public var surveyByteCount: Int { taskVectors.surveyByteCount }

  /// A survey of what thinning out needs.
  public static func makeSurvey(_ groups: [BreadcrumbsTIES]) -> TaskVectorSurvey {
    TaskVectorSurvey(groups.map(\.taskVectors))
  }

  /// Surveys one tile.
  public func survey(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: TaskVectorSurvey, into partial: inout TaskVectorSurvey.Partial
  ) {
    taskVectors.survey(&tile, at: position, survey, into: &partial)
  }

  /// Merges one tile.
  public func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: TaskVectorSurvey, into output: inout MutableSpan<Double>
  ) {
    taskVectors.merge(&tile, scratch: &scratch, at: position, survey, into: &output)
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
