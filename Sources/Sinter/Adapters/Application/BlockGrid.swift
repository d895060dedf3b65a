/// How a matrix is cut into runs of whole rows, and these into blocks of rows and columns.
///
/// A block has several rows wherever it can, so that sums over the rank load what is common to them
/// once, and so few elements that they stay in the nearest cache with what they are made of.
struct BlockGrid: Sendable, Hashable {
  let rows: Int
  let columns: Int
  /// The rows of each run but the last.
  let rowsPerRun: Int

  /// A part of a matrix.
  struct Block: Sendable, Hashable {
    let rows: Range<Int>
    let columns: Range<Int>

    var elementCount: Int { rows.count * columns.count }
  }

  /// The most elements of a block.
  static let blockLength = 2048
  /// The rows of blocks that do not have whole rows.
  private static let blockRows = 4

  /// Cuts a matrix.
  ///
  /// - Parameters:
  ///   - rows: the rows, at least 1.
  ///   - columns: the columns, at least 1 and at most the elements of a run.
  init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
    let fitting = max(TileGrid.standardRunLength / columns, 1)
    rowsPerRun = fitting < Self.blockRows ? fitting : fitting / Self.blockRows * Self.blockRows
  }

  var elementCount: Int { rows * columns }

  var runCount: Int { (rows + rowsPerRun - 1) / rowsPerRun }

  /// The elements of the largest run.
  var largestRun: Int { min(rowsPerRun, rows) * columns }

  /// The rows of a run.
  func rows(of run: Int) -> Range<Int> {
    run * rowsPerRun..<min((run + 1) * rowsPerRun, rows)
  }

  /// The elements of whole rows, in row-major order.
  func elements(of rows: Range<Int>) -> Range<Int> {
    rows.lowerBound * columns..<rows.upperBound * columns
  }

  /// The blocks of a run, those of the same columns one after the other.
  func blocks(of run: Range<Int>) -> [Block] {
    let width = min(columns, Self.blockLength / Self.blockRows)
    let height = width < columns ? Self.blockRows : Self.blockLength / columns
    var blocks: [Block] = []
    for column in stride(from: 0, to: columns, by: width) {
      for row in stride(from: run.lowerBound, to: run.upperBound, by: height) {
        blocks.append(
          Block(
            rows: row..<min(row + height, run.upperBound),
            columns: column..<min(column + width, columns)))
      }
    }
    return blocks
  }

  /// The number of stretches of consecutive elements of which a block consists.
  func pieceCount(_ block: Block) -> Int { block.columns.count == columns ? 1 : block.rows.count }

  /// The elements of a stretch of a block.
  func piece(_ index: Int, of block: Block) -> Range<Int> {
    let start = (block.rows.lowerBound + index) * columns + block.columns.lowerBound
    let isWhole = block.columns.count == columns
    return start..<start + (isWhole ? block.elementCount : block.columns.count)
  }
}
