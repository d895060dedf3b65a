public import SinterTensors

/// Moves from the base toward the average of fine-tunes, as far as the angles between them say that
/// the average is close to the centre of all fine-tunes (Model Stock, arXiv:2403.19522).
public struct ModelStock: MergeMethod {
  private let merging: GramMerge
  /// The elements of one vector, where each row is one.
  private let rowLength: Int?

  /// Prepares the merge of one group.
  ///
  /// - Parameter group: the group, its first input the base.
  public init(_ group: MergeGroup) {
    merging = GramMerge(models: group.models, hasOrigin: true)
    rowLength = group.parameters.isOn("filter_wise") ? group.shape.dimensions.last ?? 1 : nil
  }

  /// Rows of a tensor, where each is a vector of its own.
  public var grain: TileGrain { rowLength == nil ? .elements : .rows }

  /// A survey that has seen nothing yet, or one that needs no pass because each tile tells all of
  /// its rows.
  public static func makeSurvey(_ groups: [ModelStock]) -> GramSurvey {
    guard groups[0].rowLength == nil else { return GramSurvey(.copy) }
    return GramSurvey(count: groups[0].merging.models.count) { gram, _ in
      if gram.areEqual { return .copy }
      let coefficient = Self.coefficient(gram)
      return .combine([Double](repeating: coefficient, count: gram.count))
    }
  }

  /// Multiplies the differences of one tile with each other.
  public func survey(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: GramSurvey, into partial: inout GramSurvey.Partial
  ) {
    merging.survey(&tile, survey, into: &partial)
  }

  /// Multiplies the differences of one tile of rows as they are stored.
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
    guard let rowLength else {
      merging.merge(&tile, survey, into: &output)
      return
    }
    // What equal rows give back, taken before it becomes a difference.
    merging.copyFirst(of: tile, into: &output)
    merging.subtractOrigin(from: &tile)
    for start in stride(from: 0, to: output.count, by: rowLength) {
      mergeRow(start..<start + rowLength, tile, &output)
    }
  }

  /// Merges tiles of rows as they are stored.
  public func merge(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: GramSurvey,
    into output: inout MutableSpan<UInt16>, from start: Int
  ) -> Bool {
    rowLength == nil && merging.merge(rows, survey, into: &output, from: start)
  }

  private func mergeRow(
    _ row: Range<Int>, _ tile: borrowing Tile<Double>, _ output: inout MutableSpan<Double>
  ) {
    let changes = tile.rows(merging.models).extracting(row)
    let first = tile[merging.models.lowerBound].extracting(row)
    var areEqual = true
    // With itself too, which NaN is not equal to.
    for model in merging.models {
      areEqual = areEqual && Reduction.areEqual(first, tile[model].extracting(row))
    }
    if areEqual { return }
    var products = [Double](repeating: 0, count: Gram.size(changes.count))
    var sums = products.mutableSpan
    Reduction.addProducts(of: changes, to: &sums)
    let coefficient = Self.coefficient(
      Gram(products: products, count: changes.count, areEqual: false))
    let coefficients = [Double](repeating: coefficient, count: changes.count)
    RowArithmetic.place(
      changes, times: coefficients.span, on: tile[0].extracting(row), into: &output,
      from: row.lowerBound)
  }

  /// The coefficient `t/N` of each difference from the base.
  ///
  /// A vector of length zero is at a right angle to all others. Where the denominator is nearly zero,
  /// the differences cancel, and the base is the result.
  static func coefficient(_ gram: Gram) -> Double {
    var sum = 0.0
    for i in 0..<gram.count {
      for j in i + 1..<gram.count { sum += gram.cosine(i, j) }
    }
    let count = Double(gram.count)
    let cosine = sum / (count * (count - 1) / 2)
    let denominator = 1 + (count - 1) * cosine
    return denominator.magnitude < 1e-6 ? 0 : cosine / denominator
  }
}

extension ModelStock {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "model_stock",
    title: "Model Stock",
    summary: "moves from the base toward the average, as far as the models agree in direction",
    formula: """
      dᵢ  = xᵢ - b, each tensor taken as one vector, or each row of it (filter_wise: true)
      c   = mean of cos θ over all pairs, θ = angle between dᵢ and dⱼ
      t   = N·c / (1 + (N-1)·c)
      out = t·(mean of xᵢ) + (1-t)·b
      out = b                                where |1 + (N-1)·c| < 1e-6
      """,
    goodFor: """
      Two or more fine-tunes of one base for the same task, such as runs with different seeds, for \
      which it was made. Fine-tunes for different tasks are nearly at right angles to each other: \
      the result then stays close to the base.
      """,
    base: .required,
    models: 2...Int.max,
    parameters: [
      ParameterDeclaration(
        "filter_wise", scope: .tensor, kind: .boolean, default: .value(.boolean(false)),
        meaning: "take each row of a tensor as one vector")
    ],
    source: "https://arxiv.org/abs/2403.19522",
    differences: [
      """
      Differences from the base of any length have a direction; mergekit weakens cosines where the \
      product of both lengths is below 1e-6, and so leaves small tensors close to the base.
      """,
      "Cosines, t and intermediate results are not rounded to the type of the tensors.",
    ],
    example: """
      merge_method: model_stock
      base_model: ./base
      models:
        - model: ./seed-1
        - model: ./seed-2
        - model: ./seed-3
      """)
}
