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

  /// The columns of blocks.
  private var width: Int { min(columns, Self.blockLength / Self.blockRows) }

  /// The blocks of a run, those of the same columns one after the other.
  func blocks(of run: Range<Int>) -> some Sequence<Block> {
    let height = width < columns ? Self.blockRows : Self.blockLength / columns
    let (width, columns) = (width, columns)
    return stride(from: 0, to: columns, by: width).lazy.flatMap { column in
      stride(from: run.lowerBound, to: run.upperBound, by: height).lazy.map { row in
        Block(
          rows: row..<min(row + height, run.upperBound),
          columns: column..<min(column + width, columns))
      }
    }
  }

  /// The stretches of consecutive elements of which a block consists, in their order.
  func pieces(of block: Block) -> some Sequence<Range<Int>> {
    let isWhole = block.columns.count == columns
    let length = isWhole ? block.rows.count * columns : block.columns.count
    let (first, columns) = (block.rows.lowerBound * columns + block.columns.lowerBound, columns)
    return (0..<(isWhole ? 1 : block.rows.count)).lazy.map { row in
      let start = first + row * columns
      return start..<start + length
    }
  }
}
