/// Rows of elements of BF16 as files hold them, one for each input of a tile.
///
/// Loops that take them widen each number where it is used, which saves writing and reading it four
/// times as long.
public struct StoredRows: ~Escapable {
  /// The number of rows.
  public let count: Int
  /// The number of elements of each row.
  public let length: Int
  /// How far the first elements of two neighbours lie apart.
  let stride: Int
  /// The elements from the first of the first row to the last of the last row.
  let elements: Span<UInt16>

  /// Makes rows of elements that lie at equal distances.
  ///
  /// - Parameters:
  ///   - elements: the bits of the elements, from the first of the first row to the last of the last.
  ///   - count: the number of rows, at least 1.
  ///   - length: the number of elements of each row.
  ///   - stride: how far the first elements of two neighbours lie apart, at least the length.
  @_lifetime(copy elements)
  public init(_ elements: Span<UInt16>, count: Int, length: Int, stride: Int) {
    precondition(count > 0 && length >= 0 && length <= stride, "rows overlap")
    precondition(
      elements.count == (count - 1) * stride + length, "the elements are not those rows")
    self.elements = elements
    self.count = count
    self.length = length
    self.stride = stride
  }

  /// Whether all numbers of all rows are finite.
  public var areFinite: Bool { (0..<count).allSatisfy { Kernels.isFinite(self, row: $0) } }

  /// The same elements of each row.
  ///
  /// - Parameter range: the elements, within `0..<length`.
  /// - Returns: as many rows, of that range.
  @_lifetime(copy self)
  public func extracting(_ range: Range<Int>) -> StoredRows {
    precondition(range.lowerBound >= 0 && range.upperBound <= length, "the rows are shorter")
    return StoredRows(
      elements.extracting(range.lowerBound..<(count - 1) * stride + range.upperBound),
      count: count, length: range.count, stride: stride)
  }
}
