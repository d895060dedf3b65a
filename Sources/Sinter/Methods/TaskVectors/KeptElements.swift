import SinterTensors

/// Which elements of task vectors are kept, where that is dear to find out: the survey that sums
/// them finds it, and the merge need not do so again.
///
/// It takes a bit for each element and task vector, and covers as many of the first tiles of a tensor
/// as fit into ``byteLimit``. What lies behind them is found out twice.
struct KeptElements: Sendable {
  /// The largest number of bytes that are held for one tensor.
  static let byteLimit = 16 << 20

  /// The marks of one tile, those of one task vector after the other.
  struct TileMarks: Sendable {
    fileprivate let tile: Int
    fileprivate var marks: [UInt16]
  }

  /// The marks of each tile that is covered; none as long as it has not been looked at.
  private var tiles: [[UInt16]]

  /// Covers what fits of a tensor.
  ///
  /// - Parameters:
  ///   - grid: how the tensor is cut.
  ///   - vectorCount: the number of task vectors.
  ///   - byteLimit: the largest number of bytes to hold.
  init(_ grid: TileGrid, vectorCount: Int, byteLimit: Int = Self.byteLimit) {
    tiles = Array(repeating: [], count: Self.tileCount(grid, vectorCount, byteLimit))
  }

  /// The bytes that are held in the end.
  static func byteCount(_ grid: TileGrid, vectorCount: Int) -> Int {
    tileCount(grid, vectorCount, byteLimit) * tileByteCount(grid, vectorCount)
  }

  private static func tileCount(_ grid: TileGrid, _ vectorCount: Int, _ byteLimit: Int) -> Int {
    min(grid.count, byteLimit / tileByteCount(grid, vectorCount))
  }

  /// Marks, and what an array takes beside its elements.
  private static func tileByteCount(_ grid: TileGrid, _ vectorCount: Int) -> Int {
    vectorCount * 2 * RowArithmetic.markCount(grid.largestTile) + 64
  }

  /// The marks of a tile before the first of its task vectors; `nil` where it is not covered.
  func makeMarks(ofTile tile: Int, elementCount: Int, vectorCount: Int) -> TileMarks? {
    guard tile < tiles.count else { return nil }
    let count = vectorCount * RowArithmetic.markCount(elementCount)
    return TileMarks(tile: tile, marks: Array(repeating: 0, count: count))
  }

  /// Takes up what was found out about a tile.
  mutating func add(_ marks: TileMarks) { tiles[marks.tile] = marks.marks }

  /// The marks of a tile, those of one task vector after the other; `nil` where it is not covered.
  func marks(ofTile tile: Int) -> [UInt16]? {
    tile < tiles.count && !tiles[tile].isEmpty ? tiles[tile] : nil
  }

  /// Makes a row its differences from a base, zero where an element is not kept.
  ///
  /// - Parameters:
  ///   - vector: the number of the task vector.
  ///   - tile: the number of the tile.
  ///   - row: the row of the model.
  ///   - base: as many elements.
  /// - Returns: whether the tile is covered; if not, nothing was done.
  func apply(
    vector: Int, tile: Int, to row: inout MutableSpan<Double>, minus base: Span<Double>
  ) -> Bool {
    guard tile < tiles.count, !tiles[tile].isEmpty else { return false }
    let marks = tiles[tile]
    RowArithmetic.subtract(
      base, from: &row, marked: marks.span,
      from: vector * RowArithmetic.markCount(row.count))
    return true
  }
}

extension KeptElements.TileMarks {
  /// Marks the elements of a task vector that are not zero.
  mutating func mark(_ row: Span<Double>, ofVector vector: Int) {
    var span = marks.mutableSpan
    RowArithmetic.markNonzero(
      row, into: &span, from: vector * RowArithmetic.markCount(row.count))
  }

  /// Marks the elements of a task vector that are kept at random, and sums magnitudes.
  ///
  /// - Parameters:
  ///   - vector: the number of the task vector.
  ///   - row: the row of the model.
  ///   - base: as many elements.
  ///   - random: what decides.
  ///   - index: the index of the first element in its tensor.
  ///   - threshold: the threshold of being kept.
  /// - Returns: the sums over all elements, and over those that are kept.
  mutating func mark(
    vector: Int, _ row: Span<Double>, minus base: Span<Double>, _ random: CounterRandom,
    from index: Int, keepingBelow threshold: UInt64
  ) -> (all: Double, kept: Double) {
    var span = marks.mutableSpan
    return random.sumsOfAbsolutes(
      row, minus: base, from: index, keepingBelow: threshold, marking: &span,
      from: vector * RowArithmetic.markCount(row.count))
  }

  /// Marks the elements of a task vector that are kept at random, and sums magnitudes, of rows as they
  /// are stored.
  ///
  /// - Parameters:
  ///   - vector: the number of the task vector.
  ///   - rows: the base, and a row for each task vector.
  ///   - random: what decides.
  ///   - index: the index of the first element in its tensor.
  ///   - threshold: the threshold of being kept.
  /// - Returns: the sums over all elements, and over those that are kept; `nil` when the rows are to be
  ///   widened.
  mutating func mark(
    vector: Int, _ rows: borrowing StoredRows, _ random: CounterRandom, from index: Int,
    keepingBelow threshold: UInt64
  ) -> (all: Double, kept: Double)? {
    var span = marks.mutableSpan
    return random.sumsOfAbsolutes(
      rows, row: vector + 1, from: index, keepingBelow: threshold, marking: &span,
      from: vector * RowArithmetic.markCount(rows.length))
  }

  /// Marks the elements of a task vector that are kept at random by their places, and sums magnitudes.
  ///
  /// - Parameters:
  ///   - vector: the number of the task vector.
  ///   - row: the row of the model.
  ///   - base: as many elements.
  ///   - dropping: what decides.
  ///   - index: the index of the first element in its tensor.
  /// - Returns: the sums over all elements, and over those that are kept; `nil` where that can only be
  ///   told once the row has been thinned out.
  mutating func mark(
    vector: Int, _ row: Span<Double>, minus base: Span<Double>, _ dropping: RankedDropping,
    from index: Int
  ) -> (all: Double, kept: Double)? {
    var span = marks.mutableSpan
    return dropping.sums(
      row, minus: base, from: index, marking: &span,
      from: vector * RowArithmetic.markCount(row.count))
  }
}
