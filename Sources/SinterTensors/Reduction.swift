/// Sums over a row in `Double`, in one order on every machine.
///
/// Sixteen lanes add up the elements, lane `j` those whose index leaves the remainder `j`, from the
/// lowest index to the highest. Then lane `j` takes in lane `j + 8`, then `j + 4`, `j + 2` and
/// `j + 1`. The order depends on nothing but the number of elements: not on the width of vectors,
/// not on threads. Sums of several rows are to be added in the order of the rows.
///
/// NaN and infinity go through sums as IEEE 754 has it.
public enum Reduction {
  /// Adds up the elements.
  ///
  /// - Parameter row: any numbers.
  /// - Returns: the sum; 0 for no elements.
  public static func sum(_ row: Span<Double>) -> Double { Kernels.sum(row) }

  /// Adds up the magnitudes of the elements.
  ///
  /// - Parameter row: any numbers.
  /// - Returns: the L1 norm; 0 for no elements.
  public static func sumOfAbsolutes(_ row: Span<Double>) -> Double { Kernels.sumOfAbsolutes(row) }

  /// Adds up the magnitudes of the differences of two rows.
  ///
  /// - Parameters:
  ///   - row: any numbers.
  ///   - base: as many, which are subtracted.
  /// - Returns: the L1 norm of the difference; 0 for no elements.
  public static func sumOfAbsolutes(_ row: Span<Double>, minus base: Span<Double>) -> Double {
    Kernels.sumOfAbsolutes(row, minus: base)
  }

  /// Adds up the squares of the elements.
  ///
  /// - Parameter row: any numbers.
  /// - Returns: the L2 norm squared; 0 for no elements.
  public static func sumOfSquares(_ row: Span<Double>) -> Double { Kernels.dot(row, row) }

  /// Adds up the squares of the elements, in `Double`.
  ///
  /// - Parameter row: any numbers.
  /// - Returns: what ``sumOfSquares(_:)`` gives for the same numbers in `Double`.
  public static func sumOfSquares(_ row: Span<Float>) -> Double { Kernels.sumOfSquares(row) }

  /// Adds up the products of the elements of two rows.
  ///
  /// - Parameters:
  ///   - first: any numbers.
  ///   - second: as many.
  /// - Returns: the dot product; 0 for no elements.
  public static func dot(_ first: Span<Double>, _ second: Span<Double>) -> Double {
    Kernels.dot(first, second)
  }

  /// Adds the dot products of all pairs of rows to sums, the same as ``dot(_:_:)`` gives one by one.
  ///
  /// - Parameters:
  ///   - rows: any rows.
  ///   - sums: one for each pair: the upper triangle of the matrix, row after row.
  public static func addProducts(of rows: borrowing TileRows, to sums: inout MutableSpan<Double>) {
    Kernels.addProducts(of: rows, to: &sums)
  }

  /// Adds the dot products of all pairs of differences from a base to sums.
  ///
  /// - Parameters:
  ///   - rows: any rows.
  ///   - base: as many elements as each row has.
  ///   - sums: one for each pair: the upper triangle of the matrix, row after row.
  public static func addProducts(
    of rows: borrowing TileRows, minus base: Span<Double>, to sums: inout MutableSpan<Double>
  ) {
    Kernels.addProducts(of: rows, minus: base, to: &sums)
  }

  /// Adds the dot products of all pairs of rows, or of their differences from a base, to sums.
  ///
  /// - Parameters:
  ///   - rows: rows as they are stored, the base first if there is one.
  ///   - hasBase: whether the first row is a base.
  ///   - sums: one for each pair of the other rows: the upper triangle of the matrix, row after row.
  /// - Returns: `false` when a number is NaN or infinite, or there are more rows than this is made for;
  ///   nothing is added then, and the rows are to be widened.
  public static func addProducts(
    of rows: borrowing StoredRows, hasBase: Bool, to sums: inout MutableSpan<Double>
  ) -> Bool {
    Kernels.addProducts(of: rows, hasBase: hasBase, to: &sums)
  }

  /// Adds up the squares of the differences of a row from a base.
  ///
  /// - Parameters:
  ///   - row: any numbers.
  ///   - base: as many.
  /// - Returns: the squared distance, as ``sumOfSquares(_:)`` gives it for the differences.
  public static func sumOfSquares(_ row: Span<Double>, minus base: Span<Double>) -> Double {
    Kernels.squaresOfChanges(row, from: base)
  }

  /// Adds up the squares of the differences of a row from a base in selected places.
  ///
  /// - Parameters:
  ///   - row: any numbers.
  ///   - base: as many.
  ///   - selectors: as many; above zero in the places that count.
  /// - Returns: the sum as ``sumOfSquares(_:)`` gives it for the differences, 0 in other places.
  public static func sumOfSquares(
    _ row: Span<Double>, minus base: Span<Double>, selectedBy selectors: Span<Double>
  ) -> Double {
    Kernels.squaresOfChanges(row, from: base, selecting: selectors)
  }

  /// Adds up the squares of a row, and those of the differences from it, in one go.
  ///
  /// - Parameters:
  ///   - row: any numbers.
  ///   - other: as many.
  /// - Returns: what ``sumOfSquares(_:)`` gives for the row, and ``sumOfSquares(_:minus:)`` for the
  ///   other less the row.
  public static func sumsOfSquares(
    _ row: Span<Double>, changedTo other: Span<Double>
  ) -> (squares: Double, changes: Double) {
    Kernels.squaresAndChanges(row, to: other)
  }

  /// Finds the largest magnitude.
  ///
  /// - Parameter row: any numbers.
  /// - Returns: the largest magnitude; 0 for no elements, NaN when any element is NaN.
  public static func largestMagnitude(_ row: Span<Double>) -> Double {
    Kernels.largestMagnitude(row)
  }
}

extension Reduction {
  /// How many elements are NaN or infinite.
  ///
  /// - Parameter row: the elements, at most 2^32 - 1.
  /// - Returns: the count.
  public static func countNonFinite(_ row: Span<Double>) -> Int {
    precondition(row.count <= Int(UInt32.max), "the row is too long")
    return Kernels.countNonFinite(row)
  }

  /// Whether two rows have the same numbers.
  ///
  /// - Parameters:
  ///   - first: any numbers.
  ///   - second: as many.
  /// - Returns: whether all are equal; NaN equals nothing, and zeros of both signs are equal.
  public static func areEqual(_ first: Span<Double>, _ second: Span<Double>) -> Bool {
    Kernels.isEqual(first, second)
  }
}
