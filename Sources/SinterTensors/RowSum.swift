/// A sum of rows times coefficients, which is the result of many merge methods: `Σ cᵢ·xᵢ`, or
/// `b + Σ cᵢ·(xᵢ - b)` with a base b.
///
/// Terms are added in the order of the rows, each operation rounded to Double on its own. An element
/// that nothing is added to keeps the sign that it has in the base, even if it is zero.
public struct RowSum: Sendable, Hashable {
  /// By what each row is multiplied, the base left out; one coefficient at least.
  public let coefficients: [Double]
  /// Whether the first row is a base, and the others count by their differences from it.
  public let hasBase: Bool
  /// Whether an element that is the same in all rows but the base stays as it is there.
  ///
  /// Coefficients that should sum to 1 are rounded and do not; this is for such coefficients only.
  public let keepsEqual: Bool

  /// Makes a sum.
  ///
  /// - Parameters:
  ///   - coefficients: one for each row but the base.
  ///   - hasBase: whether the first row is a base.
  ///   - keepsEqual: whether elements that are the same in all rows but the base stay as they are;
  ///     with a base there must be two other rows.
  public init(_ coefficients: [Double], hasBase: Bool = false, keepsEqual: Bool = false) {
    precondition(!coefficients.isEmpty, "a sum of no rows")
    precondition(!hasBase || !keepsEqual || coefficients.count == 2, "not two rows on a base")
    self.coefficients = coefficients
    self.hasBase = hasBase
    self.keepsEqual = keepsEqual
  }

  /// Adds up rows of a tile.
  ///
  /// - Parameters:
  ///   - tile: a row for each coefficient, behind that of the base if there is one.
  ///   - elements: the elements to add up; all when not said otherwise.
  ///   - out: receives the sums, in the place of these elements.
  public func add(
    _ tile: borrowing Tile<Double>, _ elements: Range<Int>? = nil,
    into out: inout MutableSpan<Double>
  ) {
    let elements = elements ?? 0..<tile.count
    let start = elements.lowerBound
    let rows = tile.rows((hasBase ? 1 : 0)..<tile.rows).extracting(elements)
    switch (hasBase, keepsEqual) {
    case (false, false):
      RowArithmetic.weightedSum(of: rows, coefficients.span, into: &out, from: start)
    case (false, true):
      RowArithmetic.weightedMean(of: rows, coefficients.span, into: &out, from: start)
    case (true, false):
      RowArithmetic.placeDifferences(
        of: rows, times: coefficients.span, on: tile[0].extracting(elements), into: &out,
        from: start)
    case (true, true):
      RowArithmetic.combineDifferences(
        tile[1].extracting(elements), times: coefficients[0], tile[2].extracting(elements),
        times: coefficients[1], on: tile[0].extracting(elements), keepingEqual: true, into: &out,
        from: start)
    }
  }

  /// Adds up rows as they are stored, and rounds the sums once: nearest, ties to even.
  ///
  /// - Parameters:
  ///   - rows: a row for each coefficient, behind that of the base if there is one.
  ///   - out: receives the bits of as many elements of BF16.
  ///   - start: the place in `out` of the first of them.
  /// - Returns: `false` when a number or a result is NaN or infinite, or rows are shorter than 32
  ///   elements; the elements are undefined then, and ``add(_:_:into:)`` is to be taken.
  public func add(
    _ rows: borrowing StoredRows, into out: inout MutableSpan<UInt16>, from start: Int = 0
  ) -> Bool {
    RowArithmetic.addUp(
      rows, times: coefficients.span, hasBase: hasBase, keepingEqual: keepsEqual, into: &out,
      from: start)
  }
}
