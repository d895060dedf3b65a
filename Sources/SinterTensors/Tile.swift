/// A block of numbers in which each row holds the same range of elements of one input.
///
/// A worker makes one tile and uses it for all that it does: ``resize(rows:count:)`` changes what
/// the rows cover without allocating. Memory is 64-byte aligned, and so is every row.
@safe
public struct Tile<T: WorkingFloat>: ~Copyable {
  private let storage: UnsafeMutableRawBufferPointer
  private let base: UnsafeMutablePointer<T>
  private let rowCapacity: Int
  private var stride: Int

  /// The number of rows in use.
  public private(set) var rows: Int
  /// The number of elements in each row.
  public private(set) var count: Int

  /// Allocates a tile, filled with zeros.
  ///
  /// - Parameters:
  ///   - rows: the number of rows, at least 0.
  ///   - capacity: the largest number of elements of a row, at least 0.
  public init(rows: Int, capacity: Int) {
    precondition(rows >= 0 && capacity >= 0, "a tile has no negative extent")
    self.rows = rows
    self.count = capacity
    stride = Self.aligned(capacity)
    rowCapacity = rows * stride
    // SAFETY: the allocation is owned by this value alone, typed once and freed in deinit. Bytes of
    // zero are the number 0; element by element, unspecialized code would set it slowly.
    unsafe storage = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(rowCapacity * MemoryLayout<T>.stride, 64), alignment: 64)
    unsafe storage.initializeMemory(as: UInt8.self, repeating: 0)
    unsafe base = storage.bindMemory(to: T.self).baseAddress.unsafelyUnwrapped
  }

  deinit {
    // SAFETY: allocated in init and never handed out beyond the lifetime of this value.
    unsafe storage.deallocate()
  }

  /// The bytes that a tile of this many rows and elements allocates.
  public static func byteCount(rows: Int, capacity: Int) -> Int {
    rows * aligned(capacity) * MemoryLayout<T>.stride
  }

  /// Lays the tile out anew, without allocating; what the rows held is undefined afterwards.
  ///
  /// - Parameters:
  ///   - rows: the number of rows, at least 0.
  ///   - count: the number of elements of each row, at least 0; `rows` rows of this length must
  ///     fit in what was allocated.
  public mutating func resize(rows: Int, count: Int) {
    let stride = Self.aligned(count)
    precondition(rows >= 0 && count >= 0 && rows * stride <= rowCapacity, "the tile is too small")
    self.rows = rows
    self.count = count
    self.stride = stride
  }

  /// The elements of one row.
  ///
  /// - Parameter row: the row, `0..<rows`.
  public subscript(row: Int) -> Span<T> {
    @_lifetime(borrow self)
    borrowing get {
      precondition(row >= 0 && row < rows, "row out of range")
      // SAFETY: row < rows and rows * stride <= rowCapacity, so the range lies in the allocation.
      let span = unsafe Span(_unsafeStart: UnsafePointer(base + row * stride), count: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The elements of one row, to be written.
  ///
  /// - Parameter row: the row, `0..<rows`.
  /// - Returns: the elements, for as long as the tile is borrowed.
  @_lifetime(&self)
  public mutating func mutableRow(_ row: Int) -> MutableSpan<T> {
    precondition(row >= 0 && row < rows, "row out of range")
    // SAFETY: as in the subscript; the exclusive borrow of self keeps other accesses out.
    let span = unsafe MutableSpan(_unsafeStart: base + row * stride, count: count)
    return unsafe _overrideLifetime(span, mutating: &self)
  }

  private static func aligned(_ count: Int) -> Int {
    let elements = 64 / MemoryLayout<T>.stride
    return (count + elements - 1) / elements * elements
  }
}

extension Tile {
  /// Changes one row with the help of another.
  ///
  /// - Parameters:
  ///   - row: the row to change.
  ///   - other: another row.
  ///   - body: given both; it runs once, for whole rows.
  public mutating func update(
    _ row: Int, with other: Int, _ body: (inout MutableSpan<T>, Span<T>) -> Void
  ) {
    precondition(row != other, "a row cannot be changed with its own help")
    precondition(other >= 0 && other < rows, "row out of range")
    // SAFETY: other < rows, so the range lies in the allocation; it does not overlap the row that
    // is changed, and the exclusive borrow of self keeps other accesses out.
    let span = unsafe Span(_unsafeStart: UnsafePointer(base + other * stride), count: count)
    var target = mutableRow(row)
    body(&target, span)
  }
}

extension Tile<Double> {
  /// Some rows, to be looked at all at once.
  ///
  /// - Parameter range: the rows, within `0..<rows`.
  /// - Returns: the rows, for as long as the tile is borrowed.
  @_lifetime(borrow self)
  public borrowing func rows(_ range: Range<Int>) -> TileRows {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "row out of range")
    let elements = range.isEmpty ? 0 : (range.count - 1) * stride + count
    // SAFETY: the last row ends at most at rows * stride <= rowCapacity, within the allocation.
    let span = unsafe Span(
      _unsafeStart: UnsafePointer(base + range.lowerBound * stride), count: elements)
    let all = unsafe _overrideLifetime(span, borrowing: self)
    return TileRows(all, count: range.count, length: count, stride: stride)
  }
}
