public import SinterTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Spherical linear interpolation between the base and one model, each tensor taken as one vector.
public struct SLERP: MergeMethod {
  private let t: Double

  /// Prepares the interpolation of one group of two inputs.
  public init(_ group: MergeGroup) {
    t = group.parameters.number("t") ?? 0
  }

  /// The squared lengths of both vectors and their dot product, in Double.
  public struct Survey: TensorSurvey {
    /// The sums over a run of tiles.
    public struct Partial: Sendable {
      fileprivate var facts = PairFacts()
    }

    /// Whether the one pass that is needed has been made.
    public private(set) var isComplete = false
    private var sums = Partial()

    /// Sums that are zero.
    public func makePartial() -> Partial { Partial() }

    /// Adds the sums of a run of tiles.
    public mutating func add(_ partial: Partial) { sums.facts += partial.facts }

    /// Ends the pass.
    public mutating func finishPass() { isComplete = true }

    /// The cosine of the angle between the vectors; 0 when one of them is zero, 1 when both are, or
    /// are so short that their squares vanish.
    var cosine: Double {
      let facts = sums.facts
      if facts.first == 0 && facts.second == 0 { return 1 }
      return Gram.cosine(dot: facts.dot, squares: (facts.first, facts.second))
    }
  }

  /// A survey that has seen nothing yet.
  public static func makeSurvey(_ groups: [SLERP]) -> Survey { Survey() }

  /// Sums squares and products over one tile.
  public func survey(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: Survey, into partial: inout Survey.Partial
  ) {
    partial.facts += PairFacts(tile.rows(0..<2))
  }

  /// Sums squares and products over one tile of rows as they are stored.
  public func survey(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: Survey,
    into partial: inout Survey.Partial
  ) -> Bool {
    guard let facts = PairFacts(rows) else { return false }
    partial.facts += facts
    return true
  }

  /// Merges one tile: `c₀·base + c₁·model`.
  public func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: Survey, into output: inout MutableSpan<Double>
  ) {
    sum(survey).add(tile, into: &output)
  }

  /// Merges tiles of rows as they are stored.
  public func merge(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: Survey,
    into output: inout MutableSpan<UInt16>, from start: Int
  ) -> Bool {
    sum(survey).add(rows, into: &output, from: start)
  }

  /// What the result is.
  ///
  /// On the straight line the coefficients sum to 1, but for rounding: where both inputs agree the
  /// number itself is taken, to the last bit.
  private func sum(_ survey: Survey) -> RowSum {
    let (c0, c1) = coefficients(cosine: survey.cosine)
    return RowSum([c0, c1], keepsEqual: isStraight(cosine: survey.cosine))
  }

  /// The coefficients of the base and of the model.
  ///
  /// Beyond a cosine of ±0.9995 the straight line is taken: there the quotient of sines is badly
  /// conditioned and the arc indistinguishable from its chord.
  func coefficients(cosine: Double) -> (Double, Double) {
    guard !isStraight(cosine: cosine) else { return (1 - t, t) }
    let angle = acos(cosine)
    return (sin((1 - t) * angle) / sin(angle), sin(t * angle) / sin(angle))
  }

  private func isStraight(cosine: Double) -> Bool { cosine.magnitude > 0.9995 }
}

extension SLERP {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "slerp",
    title: "SLERP",
    summary: "moves from the base to one model along an arc",
    formula: """
      θ = angle between the base b and the model x, each tensor taken as one vector
      out = (sin((1-t)·θ)·b + sin(t·θ)·x) / sin θ
      out = (1-t)·b + t·x    where |cos θ| > 0.9995
      """,
    goodFor: """
      A balance between two models, often with different values of t for attention and feed-forward \
      layers. Between fine-tunes of one base it is close to linear.
      """,
    base: .required,
    models: 1...1,
    parameters: [
      ParameterDeclaration(
        "t", scope: .tensor, kind: .fraction, default: .required,
        meaning: "0 gives the base, 1 the other model")
    ],
    source: "https://en.wikipedia.org/wiki/Slerp",
    differences: [
      "t outside 0...1 is an error; mergekit extrapolates.",
      "The angle is taken for tensors of any length but zero; mergekit takes lengths up to 1e-8 as 1.",
    ],
    example: """
      merge_method: slerp
      base_model: ./first
      models:
        - model: ./second
      parameters:
        t:
          - filter: self_attn
            value: [0, 0.5, 0.3, 0.7, 1]
          - filter: mlp
            value: [1, 0.5, 0.7, 0.3, 0]
          - value: 0.5
      """)
}
