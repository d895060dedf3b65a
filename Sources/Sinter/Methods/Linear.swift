public import SinterTensors

/// The weighted average of the inputs (model soups, arXiv:2203.05482).
public struct Linear: MergeMethod {
  private let coefficients: [Double]
  private let isAverage: Bool

  /// Prepares the average of one group.
  ///
  /// - Parameter group: the group; the base model, where a recipe names one, is an input like any
  ///   other.
  /// - Throws: ``MethodFault`` when the weights are normalized and their sum is zero but for
  ///   rounding, or is not finite.
  public init(_ group: MergeGroup) throws(MethodFault) {
    let weights = group.inputs.indices.map { group.parameters.number("weight", input: $0) ?? 0 }
    isAverage = group.parameters.isOn("normalize")
    guard isAverage else {
      coefficients = weights
      return
    }
    let sum = try WeightSum.divisor(of: weights)
    coefficients = weights.map { $0 / sum }
  }

  /// The row that notes where the inputs of an average differ.
  public var scratchRows: Int { 1 }

  /// Merges one tile: `Σ cᵢ·xᵢ`, in the order of inputs.
  ///
  /// The average of equal numbers is that number. The coefficients are rounded and need not sum to
  /// exactly 1, so where all inputs agree the number itself is taken, to the last bit.
  public func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: NoSurvey, into output: inout MutableSpan<Double>
  ) {
    var spread = scratch.mutableRow(0)
    // Blocks that stay in the first-level cache while every input passes over them.
    var start = 0
    while start < output.count {
      let end = min(start + 1024, output.count)
      add(tile, start..<end, into: &output)
      if isAverage { keepEqual(tile, start..<end, &spread, &output) }
      start = end
    }
  }

  private func add(
    _ tile: borrowing Tile<Double>, _ block: Range<Int>, into output: inout MutableSpan<Double>
  ) {
    let first = tile[0]
    let coefficient = coefficients[0]
    for i in block { output[i] = coefficient * first[i] }
    for row in 1..<tile.rows {
      let coefficient = coefficients[row]
      let input = tile[row]
      for i in block { output[i] += coefficient * input[i] }
    }
  }

  private func keepEqual(
    _ tile: borrowing Tile<Double>, _ block: Range<Int>, _ spread: inout MutableSpan<Double>,
    _ output: inout MutableSpan<Double>
  ) {
    let first = tile[0]
    for i in block { spread[i] = 0 }
    for row in 1..<tile.rows {
      let input = tile[row]
      for i in block { spread[i] += (input[i] - first[i]).magnitude }
    }
    // Infinite or NaN inputs make the spread NaN, and stay what the sum made of them.
    for i in block {
      let average = output[i]
      output[i] = spread[i] == 0 ? first[i] : average
    }
  }
}

extension Linear {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "linear",
    title: "Linear",
    summary: "weighted average of the models",
    formula: """
      out = Σ wᵢ·xᵢ            (normalize: false)
      out = Σ wᵢ·xᵢ / Σ wᵢ     (normalize: true)
      """,
    goodFor: """
      Checkpoints of one training run and fine-tunes that lie close together. The simplest method \
      and the yardstick for all others.
      """,
    base: .ignored,
    models: 1...Int.max,
    parameters: [
      ParameterDeclaration(
        "weight", scope: .input, kind: .anyNumber, default: .required,
        meaning: "how much the model counts"),
      ParameterDeclaration(
        "normalize", scope: .tensor, kind: .boolean, default: .value(.boolean(true)),
        meaning: "divide the weights by their sum"),
    ],
    source: "https://arxiv.org/abs/2203.05482",
    differences: [
      "Weights that sum to zero are an error; mergekit writes Inf and NaN."
    ],
    example: """
      merge_method: linear
      models:
        - model: ./first
          parameters: {weight: 0.6}
        - model: ./second
          parameters: {weight: 0.4}
      """)
}
