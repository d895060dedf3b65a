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

  /// Adds up the squares of the elements.
  ///
  /// - Parameter row: any numbers.
  /// - Returns: the L2 norm squared; 0 for no elements.
  public static func sumOfSquares(_ row: Span<Double>) -> Double { Kernels.dot(row, row) }

  /// Adds up the products of the elements of two rows.
  ///
  /// - Parameters:
  ///   - first: any numbers.
  ///   - second: as many.
  /// - Returns: the dot product; 0 for no elements.
  public static func dot(_ first: Span<Double>, _ second: Span<Double>) -> Double {
    Kernels.dot(first, second)
  }

  /// Adds the dot products of a row with several others to sums, the same as ``dot(_:_:)`` gives
  /// one by one.
  ///
  /// - Parameters:
  ///   - first: any numbers.
  ///   - rows: rows of as many numbers.
  ///   - sums: one for each of the rows.
  public static func addDots(
    _ first: Span<Double>, _ rows: borrowing TileRows, to sums: inout MutableSpan<Double>
  ) {
    Kernels.addDots(first, rows, to: &sums)
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

  /// How many elements are above zero.
  ///
  /// - Parameter row: the elements, at most 2^32 - 1.
  /// - Returns: the count.
  public static func countPositive(_ row: Span<Double>) -> Int {
    precondition(row.count <= Int(UInt32.max), "the row is too long")
    return Kernels.countPositive(row)
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
