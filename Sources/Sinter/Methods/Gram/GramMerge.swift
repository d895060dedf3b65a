import SinterTensors

/// The arithmetic of methods whose result is a sum of the models times coefficients that follow from
/// their dot products: `b + Σ cᵢ·(xᵢ - b)`, or `Σ cᵢ·xᵢ` without a base.
struct GramMerge: Sendable {
  /// The rows of a tile that hold the models.
  let models: Range<Int>
  /// Whether the vectors are differences from the base, which row 0 holds.
  let hasOrigin: Bool

  /// Looks at one tile.
  func survey(
    _ tile: inout Tile<Double>, _ survey: GramSurvey, into partial: inout GramSurvey.Partial
  ) {
    if case .measure(let coefficients) = survey.solution {
      subtractOrigin(from: &tile)
      combine(&tile, coefficients)
      partial.addSquare(tile[models.lowerBound])
      return
    }
    for row in models.dropFirst() { partial.compare(tile[models.lowerBound], tile[row]) }
    if hasOrigin {
      partial.addProducts(tile.rows(models), minus: tile[0])
    } else {
      partial.addProducts(tile.rows(models))
    }
  }

  /// Looks at one tile of rows as they are stored, if it need not be looked at for more than dot
  /// products.
  func survey(
    _ rows: borrowing StoredRows, _ survey: GramSurvey, into partial: inout GramSurvey.Partial
  ) -> Bool {
    guard survey.solution == nil, isAllRows(rows.count) else { return false }
    return partial.addProducts(rows, hasBase: hasOrigin)
  }

  /// Whether the models, behind the base from which they are seen, are all rows.
  private func isAllRows(_ count: Int) -> Bool {
    models == (hasOrigin ? 1 : 0)..<count
  }

  /// Merges tiles of rows as they are stored, where the result is a sum.
  func merge(
    _ rows: borrowing StoredRows, _ survey: GramSurvey, into output: inout MutableSpan<UInt16>,
    from start: Int
  ) -> Bool {
    guard case .combine(let coefficients) = survey.solution, isAllRows(rows.count) else {
      return false
    }
    return RowSum(coefficients, hasBase: hasOrigin).add(rows, into: &output, from: start)
  }

  /// Merges one tile.
  func merge(
    _ tile: inout Tile<Double>, _ survey: GramSurvey, into output: inout MutableSpan<Double>
  ) {
    guard case .combine(let coefficients) = survey.solution else {
      copyFirst(of: tile, into: &output)
      return
    }
    if hasOrigin {
      RowArithmetic.placeDifferences(
        of: tile.rows(models), times: coefficients.span, on: tile[0], into: &output)
    } else {
      RowArithmetic.weightedSum(of: tile.rows(models), coefficients.span, into: &output)
    }
  }

  /// Makes the result the first model as it stands.
  func copyFirst(of tile: borrowing Tile<Double>, into output: inout MutableSpan<Double>) {
    let first = tile[models.lowerBound]
    for i in 0..<output.count { output[i] = first[i] }
  }

  /// Makes the rows of models differences from the base, where there is one.
  func subtractOrigin(from tile: inout Tile<Double>) {
    guard hasOrigin else { return }
    for row in models {
      tile.update(row, with: 0) { model, base in RowArithmetic.subtract(base, from: &model) }
    }
  }

  /// Makes the first row of models the sum of all, times coefficients.
  private func combine(_ tile: inout Tile<Double>, _ coefficients: [Double]) {
    var sum = tile.mutableRow(models.lowerBound)
    RowArithmetic.multiply(&sum, by: coefficients[0])
    for row in models.dropFirst() {
      let coefficient = coefficients[row - models.lowerBound]
      tile.update(models.lowerBound, with: row) { sum, vector in
        RowArithmetic.add(vector, times: coefficient, to: &sum)
      }
    }
  }
}
