import Safetensors
import SinterTensors

/// Writes several matrices as one whose columns alternate, as PEFT stores factor B of packed experts:
/// the first column of each expert, then the second of each.
struct AlternatingColumns {
  /// Where the bytes of each matrix are, row-major; some may have fewer columns.
  let pieces: [Range<Int>]
  /// The rows of all of them.
  let rows: Int
  /// The most columns of one; what others lack is zero.
  let columns: Int
  /// The bytes of a number.
  let width: Int

  /// How many bytes of the result are put together at a time, at least a row.
  private static let blockSize = 1 << 20

  /// Copies them.
  ///
  /// - Parameters:
  ///   - file: holds the matrices.
  ///   - writer: the file that is written.
  ///   - tensor: the place of the tensor in it.
  /// - Throws: `SafetensorsError` when a file fails; `CancellationError`.
  func copy(
    from file: InputFile, to writer: inout SafetensorsWriter, _ tensor: Int
  ) throws {
    let rowSize = pieces.count * columns * width
    guard rowSize > 0 else { return }
    let blockRows = max(1, min(rows, Self.blockSize / rowSize))
    var bytes = ByteBuffer(byteCount: blockRows * rowSize)
    var own = ByteBuffer(byteCount: blockRows * columns * width)
    for start in stride(from: 0, to: rows, by: blockRows) {
      try Task.checkCancellation()
      let block = start..<min(start + blockRows, rows)
      var target = bytes.mutableElements(as: UInt8.self, count: block.count * rowSize)
      for i in 0..<target.count { target[i] = 0 }
      for (place, piece) in pieces.enumerated() where !piece.isEmpty {
        try read(piece, block, from: file, into: &own)
        let count = piece.count / rows / width
        Self.spread(
          own.elements(as: UInt8.self, count: block.count * count * width), columns: count,
          width: width, to: &target, place, of: pieces.count, rowSize: rowSize)
      }
      try writer.write(
        bytes.elements(as: UInt8.self, count: block.count * rowSize), tensor: tensor,
        at: start * rowSize)
    }
  }

  /// Reads rows of one matrix.
  private func read(
    _ piece: Range<Int>, _ block: Range<Int>, from file: InputFile, into bytes: inout ByteBuffer
  ) throws {
    let size = piece.count / rows
    var target = bytes.mutableElements(as: UInt8.self, count: block.count * size)
    try file.read(into: &target, at: piece.lowerBound + block.lowerBound * size)
  }

  /// Puts the numbers of rows to their places.
  private static func spread(
    _ source: Span<UInt8>, columns: Int, width: Int, to target: inout MutableSpan<UInt8>,
    _ place: Int, of pieces: Int, rowSize: Int
  ) {
    guard columns > 0 else { return }
    for row in 0..<source.count / (columns * width) {
      for column in 0..<columns {
        let from = (row * columns + column) * width
        let to = row * rowSize + (column * pieces + place) * width
        for byte in 0..<width { target[to + byte] = source[from + byte] }
      }
    }
  }
}
