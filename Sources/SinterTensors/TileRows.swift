/// Some rows of a tile, one after the other, for loops that look at all of them at once.
public struct TileRows: ~Escapable {
  /// The number of rows.
  public let count: Int
  /// The number of elements of each row.
  public let length: Int
  /// How far the first elements of two neighbours lie apart.
  let stride: Int
  /// The elements from the first of the first row to the last of the last row.
  let elements: Span<Double>

  @_lifetime(copy elements)
  init(_ elements: Span<Double>, count: Int, length: Int, stride: Int) {
    precondition(count >= 0 && length >= 0 && length <= stride, "rows overlap")
    precondition(
      elements.count == (count == 0 ? 0 : (count - 1) * stride + length),
      "the elements are not those rows")
    self.elements = elements
    self.count = count
    self.length = length
    self.stride = stride
  }

  /// The same elements of each row.
  ///
  /// - Parameter range: the elements, within `0..<length`.
  /// - Returns: as many rows, of that range.
  @_lifetime(copy self)
  public func extracting(_ range: Range<Int>) -> TileRows {
    precondition(range.lowerBound >= 0 && range.upperBound <= length, "the rows are shorter")
    let end = count == 0 ? 0 : (count - 1) * stride + range.upperBound
    return TileRows(
      elements.extracting((count == 0 ? 0 : range.lowerBound)..<end), count: count,
      length: range.count, stride: stride)
  }
}
