public import SinterTensors

/// Moves each element of the base towards a model, by a fixed distance at most.
///
/// The published weight `clamp(t / |x - b|, 0, 1)` times the difference is that distance: `t` where
/// the two are further apart, all of the difference where they are not. Written so, nothing is
/// divided and no guard is needed.
public struct NearSwap: MergeMethod {
  private let t: Double

  /// Prepares the merge of one group of two inputs.
  ///
  /// - Parameter group: the group, its first input the base.
  public init(_ group: MergeGroup) {
    t = group.parameters.number("t") ?? 0
  }

  /// Merges one tile.
  public func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: NoSurvey, into output: inout MutableSpan<Double>
  ) {
    RowArithmetic.approach(tile[1], from: tile[0], by: t, into: &output)
  }
}

extension NearSwap {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "nearswap",
    title: "NearSwap",
    summary: "takes a model's elements where they are near the base's, and nears the others",
    formula: """
      w   = min(t / |x - b|, 1)
      out = w·x + (1-w)·b
      out = x where |x - b| ≤ t, b ± t elsewhere      (the same in other words)
      """,
    goodFor: """
      Giving a base the small changes of another model and little of its large ones. t is a distance \
      between weights: 0.0001 is common.
      """,
    base: .required,
    models: 1...1,
    parameters: [
      ParameterDeclaration(
        "t", scope: .tensor, kind: .number(0...Double.infinity), default: .required,
        meaning: "how far an element may move from the base")
    ],
    source: "https://huggingface.co/alchemonaut/QuartetAnemoi-70B-t0.0001",
    differences: [
      "A negative t is an error; mergekit takes it for 0.",
      """
      t below 1e-6 holds for the smallest differences too. mergekit takes differences below 1e-6 \
      for 1e-6, so that elements nearer than t are not taken over.
      """,
      "Weights and intermediate results are not rounded to the type of the tensors.",
    ],
    example: """
      merge_method: nearswap
      base_model: ./first
      models:
        - model: ./second
      parameters:
        t: 0.0001
      """)
}
