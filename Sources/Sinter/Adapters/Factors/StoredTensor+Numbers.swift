import Safetensors
import SinterTensors

extension StoredTensor {
  /// The most elements of a piece.
  private static let pieceLength = 8192

  /// The most memory that a piece takes, in bytes: stored and as numbers.
  static let byteCountOfPieces = 2 * pieceLength * MemoryLayout<Double>.stride

  /// Reads elements in order, a piece at a time.
  ///
  /// - Parameters:
  ///   - range: which; `nil` for all.
  ///   - body: given the places of a piece, and the piece.
  /// - Throws: `SafetensorsError` when the file cannot be read.
  func forEachPiece(
    in range: Range<Int>? = nil, _ body: (Range<Int>, inout MutableSpan<Double>) -> Void
  ) throws(SafetensorsError) {
    _ = try allPieces(in: range) { elements, row in
      body(elements, &row)
      return true
    }
  }

  /// Whether all values are zero; reads until one is not.
  func isZero() throws(SafetensorsError) -> Bool {
    try allPieces { _, row in
      for i in 0..<row.count where row[i] != 0 { return false }
      return true
    }
  }

  /// Reads elements in order, a piece at a time, as long as a condition is met.
  ///
  /// - Parameters:
  ///   - range: which; `nil` for all.
  ///   - condition: given the places of a piece, and the piece.
  /// - Returns: whether all pieces meet it.
  /// - Throws: `SafetensorsError` when the file cannot be read.
  private func allPieces(
    in range: Range<Int>? = nil, meet condition: (Range<Int>, inout MutableSpan<Double>) -> Bool
  ) throws(SafetensorsError) -> Bool {
    let all = range ?? 0..<shape.elementCount
    let length = min(all.count, Self.pieceLength)
    var bytes = ByteBuffer(byteCount: byteCount(of: length))
    var numbers = Tile<Double>(rows: 1, capacity: length)
    for start in stride(from: all.lowerBound, to: all.upperBound, by: max(length, 1)) {
      let range = start..<min(start + length, all.upperBound)
      do throws(SafetensorsError) {
        try read(range, into: &bytes, at: 0)
      } catch {
        throw error.naming(tensor.name)
      }
      numbers.resize(rows: 1, count: range.count)
      var row = numbers.mutableRow(0)
      fill(range, from: bytes, at: 0, of: range, into: &row)
      guard condition(range, &row) else { return false }
    }
    return true
  }

  /// Reads elements in order.
  ///
  /// - Parameters:
  ///   - range: which; `nil` for all.
  ///   - type: what they become, by rounding if need be.
  /// - Returns: the elements.
  /// - Throws: `SafetensorsError` when the file cannot be read.
  func numbers<Number: BinaryFloatingPoint>(
    _ range: Range<Int>? = nil, as type: Number.Type
  ) throws(SafetensorsError) -> [Number] {
    let range = range ?? 0..<shape.elementCount
    var numbers = [Number](repeating: 0, count: range.count)
    try forEachPiece(in: range) { elements, row in
      let start = elements.lowerBound - range.lowerBound
      for i in 0..<row.count { numbers[start + i] = Number(row[i]) }
    }
    return numbers
  }
}
