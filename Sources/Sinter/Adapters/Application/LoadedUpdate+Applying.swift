import SinterTensors

extension LoadedUpdate {
  /// Applies the update to a tile.
  ///
  /// - Parameters:
  ///   - row: the model's values.
  ///   - elements: which elements they are.
  ///   - bytes: holds the stored values of replacements.
  ///   - offset: where they begin.
  ///   - run: the elements that were fetched.
  func apply(
    to row: inout MutableSpan<Double>, _ elements: Range<Int>, _ bytes: borrowing ByteBuffer,
    at offset: Int, of run: Range<Int>
  ) {
    // Rows of tokens need the model's values too, which the next line changes.
    let pieces = tokenPieces(in: elements, row.span)
    kept.multiply(&row, elements, columns: columns)
    for piece in pieces {
      for i in 0..<piece.values.count { row[piece.start + i] = piece.values[i] }
    }
    var place = offset
    for replacement in replacements {
      let source = replacement.source
      var other = [Double](repeating: 0, count: row.count)
      var values = other.mutableSpan
      source.fill(elements, from: bytes, at: place, of: run, into: &values)
      replacement.coefficient.multiply(&values, elements, columns: columns)
      for i in 0..<row.count { row[i] += values[i] }
      place += (source.byteCount(of: run.count) + 63) / 64 * 64
    }
    for product in products { product.add(to: &row, elements) }
    for addition in additions {
      for i in 0..<row.count { row[i] += addition[elements.lowerBound + i] }
    }
  }

  /// A part of a tile that lies in the row of a trained token.
  private struct TokenPiece {
    /// Where in the tile it begins.
    let start: Int
    /// The row.
    let token: Int
    /// What takes the place of the model's values.
    var values: [Double]
  }

  /// The parts of a tile that lie in rows of trained tokens. When several adapters change the same
  /// token, their differences add up.
  private func tokenPieces(in elements: Range<Int>, _ row: Span<Double>) -> [TokenPiece] {
    var pieces: [TokenPiece] = []
    var next = tokenRows.startIndex
    while next < tokenRows.endIndex {
      let token = tokenRows[next].row
      let end = tokenRows[next...].firstIndex { $0.row != token } ?? tokenRows.endIndex
      let range = (token * columns..<(token + 1) * columns).clamped(to: elements)
      if !range.isEmpty {
        pieces.append(piece(of: tokenRows[next..<end], token, range, elements.lowerBound, row))
      }
      next = end
    }
    return pieces
  }

  private func piece(
    of rows: ArraySlice<TokenRow>, _ token: Int, _ range: Range<Int>, _ tileStart: Int,
    _ row: Span<Double>
  ) -> TokenPiece {
    let start = range.lowerBound - tileStart
    let column = range.lowerBound - token * columns
    let weights = rows.reduce(0) { $0 + $1.weight }
    let values = range.indices.map { element in
      let i = element - range.lowerBound
      let share = kept.value(token, column + i) - weights
      // Nothing is kept of a row whose place another takes, not even a NaN.
      let own = share == 0 ? 0 : share * row[start + i]
      return rows.reduce(own) { $0 + $1.weight * $1.values[column + i] }
    }
    return TokenPiece(start: start, token: token, values: values)
  }
}
