public import SinterTensors

/// Takes the tensors of one model as they are, or scaled.
public struct Passthrough: MergeMethod {
  private let scale: Double?

  /// Prepares one group of one input.
  public init(_ group: MergeGroup) {
    scale = group.parameters.number("scale", input: 0)
  }

  /// The input, unless it is scaled.
  public var copiedInput: Int? { scale == nil ? 0 : nil }

  /// Merges one tile: `scale·x`.
  public func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: NoSurvey, into output: inout MutableSpan<Double>
  ) {
    let factor = scale ?? 1
    let input = tile[0]
    for i in 0..<output.count { output[i] = factor * input[i] }
  }
}

extension Passthrough {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "passthrough",
    title: "Passthrough",
    summary: "stacks layers of one or more models as they are",
    formula: """
      out = x           (no scale)
      out = scale·x
      """,
    goodFor: """
      Deeper models made of repeated or interleaved layers, and single tensors scaled or silenced \
      by name. Such stacks usually need training afterwards.
      """,
    base: .ignored,
    models: 1...1,
    parameters: [
      ParameterDeclaration(
        "scale", scope: .input, kind: .anyNumber, default: .absent,
        meaning: "factor for the tensor's values; without it bytes are copied")
    ],
    source: nil,
    differences: [],
    example: """
      merge_method: passthrough
      slices:
        - sources:
            - model: ./first
              layer_range: [0, 24]
        - sources:
            - model: ./second
              layer_range: [8, 32]
      """)
}
