public import SinterTensors

/// The weighted average of the inputs (model soups, arXiv:2203.05482).
public struct Linear: MergeMethod {
  /// The average of equal numbers is that number. The coefficients are rounded and need not sum to
  /// exactly 1, so where all inputs agree the number itself is taken, to the last bit.
  private let sum: RowSum

  /// Prepares the average of one group.
  ///
  /// - Parameter group: the group; the base model, where a recipe names one, is an input like any
  ///   other.
  /// - Throws: ``MethodFault`` when the weights are normalized and their sum is zero but for
  ///   rounding, or is not finite.
  public init(_ group: MergeGroup) throws(MethodFault) {
    let weights = group.inputs.indices.map { group.parameters.number("weight", input: $0) ?? 0 }
    guard group.parameters.isOn("normalize") else {
      sum = RowSum(weights)
      return
    }
    let divisor = try WeightSum.divisor(of: weights)
    sum = RowSum(weights.map { $0 / divisor }, keepsEqual: true)
  }

  /// Merges one tile: `Σ cᵢ·xᵢ`, in the order of inputs.
  public func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: NoSurvey, into output: inout MutableSpan<Double>
  ) {
    sum.add(tile, into: &output)
  }

  /// Merges tiles of rows as they are stored.
  public func merge(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: NoSurvey,
    into output: inout MutableSpan<UInt16>, from start: Int
  ) -> Bool {
    sum.add(rows, into: &output, from: start)
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
