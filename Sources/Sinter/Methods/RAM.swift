public import SinterTensors

/// Keeps changes that one model made and averages those that several made (arXiv:2601.13572).
public struct RAM: MergeMethod {
  private let epsilon: Double
  /// 1 for each model.
  private let factors: [Double]

  /// Prepares the merge of one group.
  ///
  /// - Parameter group: the group, its first input the base.
  public init(_ group: MergeGroup) {
    epsilon = group.parameters.number("epsilon") ?? 0
    factors = group.models.map { _ in 1 }
  }

  /// Merges one tile.
  public func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: NoSurvey, into output: inout MutableSpan<Double>
  ) {
    RowArithmetic.placeActive(
      of: tile.rows(1..<tile.rows), times: factors.span, on: tile[0], above: epsilon,
      into: &output)
  }
}

extension RAM {
  /// The magnitude above which a change counts.
  static let epsilon = ParameterDeclaration(
    "epsilon", scope: .tensor, kind: .number(0...Double.infinity), default: .value(.number(1e-5)),
    meaning: "the size that a change to the base must exceed to count")

  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "ram",
    title: "Reinforced Agent Merging",
    summary: "adds what one model changed, and the average of what several changed",
    formula: """
      dᵢ  = xᵢ - b where |xᵢ - b| > epsilon, 0 elsewhere
      c   = how many dᵢ are not 0, for each element
      out = b + Σ dᵢ / max(c, 1)
      """,
    goodFor: """
      Agents trained by reinforcement learning, whose changes are sparse: an average over all models \
      would dilute what only one of them learned.
      """,
    base: .required,
    models: 1...Int.max,
    parameters: [epsilon],
    source: "https://arxiv.org/abs/2601.13572",
    differences: [
      "A negative epsilon is an error.",
      "Differences are not rounded to the type of the tensors before they are compared and added.",
    ],
    example: """
      merge_method: ram
      base_model: ./base
      models:
        - model: ./coder
        - model: ./searcher
      """)
}
