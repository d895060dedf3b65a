public import SinterTensors

/// Gives several models, or their differences from a base, the weighted mean of their directions and
/// the weighted mean of their lengths, each tensor taken as one vector.
public struct MultiSLERP: MergeMethod {
  private let merging: GramMerge
  private let weights: [Double]
  private let isAverage: Bool
  private let eps: Double

  /// Prepares the merge of one group.
  ///
  /// - Parameter group: the group; a base is the origin from which the models are seen.
  /// - Throws: ``MethodFault`` when the weights are normalized and their sum is zero but for
  ///   rounding.
  public init(_ group: MergeGroup) throws(MethodFault) {
    merging = GramMerge(models: group.models, hasOrigin: group.hasBase)
    eps = group.parameters.number("eps") ?? 1e-8
    let given = group.models.map { group.parameters.number("weight", input: $0) ?? 1 }
    // Weights are brought to size before they are summed, so that no sum overflows.
    let largest = given.map(\.magnitude).max() ?? 0
    let scaled = given.map { largest == 0 ? 0 : $0 / largest }
    let sum = scaled.reduce(0, +)
    let rounding = Double(given.count * given.count) * .ulpOfOne
    guard group.parameters.isOn("normalize_weights"), given.count > 1 else {
      weights = given
      isAverage = (sum * largest - 1).magnitude <= rounding * largest
      return
    }
    guard sum.magnitude > rounding else {
      throw .cancelling(given, hint: "set 'normalize_weights: false'")
    }
    weights = scaled.map { $0 / sum }
    isAverage = true
  }

  /// The model, when it is the only one.
  public var copiedInput: Int? { weights.count == 1 ? merging.models.lowerBound : nil }

  /// A survey that has seen nothing yet.
  public static func makeSurvey(_ groups: [MultiSLERP]) -> GramSurvey {
    let method = groups[0]
    return GramSurvey(count: method.weights.count) { method.solve($0, measured: $1) }
  }

  /// Multiplies the vectors of one tile with each other.
  public func survey(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: GramSurvey, into partial: inout GramSurvey.Partial
  ) {
    merging.survey(&tile, survey, into: &partial)
  }

  /// Multiplies the vectors of one tile of rows as they are stored.
  public func survey(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: GramSurvey,
    into partial: inout GramSurvey.Partial
  ) -> Bool {
    merging.survey(rows, survey, into: &partial)
  }

  /// Merges one tile.
  public func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: GramSurvey, into output: inout MutableSpan<Double>
  ) {
    merging.merge(&tile, survey, into: &output)
  }

  /// Merges tiles of rows as they are stored.
  public func merge(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: GramSurvey,
    into output: inout MutableSpan<UInt16>, from start: Int
  ) -> Bool {
    merging.merge(rows, survey, into: &output, from: start)
  }

  /// The coefficients of the result.
  ///
  /// As published, the mean direction m̂ is followed by a step along the mean T of the tangents
  /// `uᵢ - (uᵢ·m̂)·m̂` at m̂, with the same weights. But `Σ wᵢ·uᵢ = |m|·m̂`, so
  /// `T = |m|·m̂ - (|m|·m̂·m̂)·m̂ = 0`: the step has no length, and m̂ is the result's direction.
  func solve(_ gram: Gram, measured: Double?) -> GramSurvey.Solution {
    if gram.areEqual, isAverage { return .copy }
    var directions = weights
    var (length, size) = (0.0, 0.0)
    for i in weights.indices {
      let divisor = gram.lengths[i] + eps
      directions[i] = divisor == 0 ? 0 : weights[i] / divisor
      length += weights[i] * gram.lengths[i]
      size += weights[i].magnitude
    }
    if measured == nil, gram.cancels(directions) { return .measure(directions) }
    let mean = measured ?? gram.length(of: directions)
    guard mean > eps * size else { return .combine(weights) }
    return .combine(directions.map { $0 * (length / mean) })
  }
}

extension MultiSLERP {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "multislerp",
    title: "Multi-SLERP",
    summary: "weighted mean of directions and of lengths of any number of models",
    formula: """
      yᵢ  = xᵢ - b, or xᵢ without a base, each tensor taken as one vector
      wᵢ  = wᵢ / Σ wⱼ                       (normalize_weights: true)
      m   = Σ wᵢ·yᵢ / (|yᵢ| + eps)
      out = b + (Σ wᵢ·|yᵢ|)·m / |m|
      out = b + Σ wᵢ·yᵢ                     where |m| ≤ eps·Σ |wᵢ|
      """,
    goodFor: """
      More models than slerp takes, of full length where an average of vectors that point apart \
      would be shorter. With a base it merges task vectors.
      """,
    base: .optional,
    models: 1...Int.max,
    parameters: [
      ParameterDeclaration(
        "weight", scope: .nonBase, kind: .anyNumber, default: .required,
        meaning: "how much the model counts"),
      ParameterDeclaration(
        "normalize_weights", scope: .tensor, kind: .boolean, default: .value(.boolean(true)),
        meaning: "divide the weights by their sum"),
      ParameterDeclaration(
        "eps", scope: .tensor, kind: .number(0...Double.infinity), default: .value(.number(1e-8)),
        meaning: "added to lengths before they divide; a mean direction shorter than this is none"),
    ],
    source: "https://goddard.blog/posts/multislerp-wow-what-a-cool-idea",
    differences: [
      """
      Where directions cancel, the weighted sum is taken for any number of models; mergekit aborts \
      with three or more, even for a tensor that no model has changed.
      """,
      "Weights that sum to zero are an error when they are normalized; mergekit writes NaN.",
      "The limit for a mean direction that counts as none is relative to the weights.",
      "The tangent step is left out: it is zero for every input, and eps was all it added.",
      "Weights and intermediate results are not rounded to the type of the tensors.",
    ],
    example: """
      merge_method: multislerp
      base_model: ./base
      models:
        - model: ./math
          parameters: {weight: 0.5}
        - model: ./code
          parameters: {weight: 0.3}
        - model: ./chat
          parameters: {weight: 0.2}
      """)
}
