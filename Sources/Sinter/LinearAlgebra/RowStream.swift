import SinterTensors

/// A matrix whose rows arrive in blocks, because all of it need not fit in memory.
protocol RowStream: Sendable {
  /// The number of rows.
  var rows: Int { get }
  /// The number of columns.
  var columns: Int { get }

  /// Goes through all rows once, from the first to the last.
  ///
  /// - Parameters:
  ///   - threads: the largest number of threads that may make a block.
  ///   - body: given the number of a block's first row, and the block. Each block but the last has a
  ///     multiple of 64 rows, so that sums over rows do not depend on how they are divided.
  /// - Throws: whatever keeps rows from being read.
  func forEachBlock(threads: Int, _ body: (Int, Matrix<Float>) -> Void) throws
}

extension RowStream {
  /// How many rows a block has where nothing else decides: some megabytes of them.
  var blockRows: Int { max(64, min(1024, (1 << 20) / max(columns, 1) / 64 * 64)) }
}

extension Matrix<Float>: RowStream {
  /// Gives the whole matrix as one block.
  func forEachBlock(threads: Int, _ body: (Int, Matrix<Float>) -> Void) {
    body(0, self)
  }
}
