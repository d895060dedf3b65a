/// Arithmetic on whole rows: each operation is rounded on its own, and none is drawn together.
public enum RowArithmetic {
  /// Subtracts a row from another: `row -= other`.
  ///
  /// - Parameters:
  ///   - other: what to subtract.
  ///   - row: as many elements.
  public static func subtract(_ other: Span<Double>, from row: inout MutableSpan<Double>) {
    Kernels.subtract(other, from: &row)
  }

  /// How many marks a row takes: each tells of 16 elements, from the lowest bit on.
  ///
  /// - Parameter count: the number of elements.
  /// - Returns: the number of marks.
  public static func markCount(_ count: Int) -> Int { (count + 15) / 16 }

  /// Marks the elements that are not zero.
  ///
  /// - Parameters:
  ///   - row: the elements.
  ///   - marks: receives ``markCount(_:)`` marks; bits beyond the last element are zero.
  ///   - start: the place in `marks` of the first of them.
  public static func markNonzero(
    _ row: Span<Double>, into marks: inout MutableSpan<UInt16>, from start: Int = 0
  ) {
    Kernels.markNonzero(row, into: &marks, from: start)
  }

  /// Subtracts a row from another where elements are marked; the others become zero.
  ///
  /// - Parameters:
  ///   - other: what to subtract.
  ///   - row: as many elements.
  ///   - marks: as ``markNonzero(_:into:from:)`` sets them.
  ///   - start: the place in `marks` of the first of them.
  public static func subtract(
    _ other: Span<Double>, from row: inout MutableSpan<Double>, marked marks: Span<UInt16>,
    from start: Int = 0
  ) {
    Kernels.subtract(other, from: &row, marked: marks, from: start)
  }

  /// Multiplies all elements by a factor: `row *= factor`.
  ///
  /// - Parameters:
  ///   - row: the elements.
  ///   - factor: the factor.
  public static func multiply(_ row: inout MutableSpan<Double>, by factor: Double) {
    Kernels.multiply(&row, by: factor)
  }

  /// Adds a multiple of a row to another: `row += factor·other`.
  ///
  /// - Parameters:
  ///   - other: what to add.
  ///   - factor: by what it is multiplied first.
  ///   - row: as many elements.
  public static func add(
    _ other: Span<Double>, times factor: Double, to row: inout MutableSpan<Double>
  ) {
    Kernels.add(other, times: factor, to: &row)
  }

  /// Makes changes the changed numbers: `changes = base + changes`.
  ///
  /// An element that nothing is added to keeps its sign, even if it is zero.
  ///
  /// - Parameters:
  ///   - changes: the changes, then the results.
  ///   - base: as many elements.
  public static func place(_ changes: inout MutableSpan<Double>, on base: Span<Double>) {
    Kernels.addBase(base, to: &changes)
  }

  /// Adds multiples of two rows: `out = a·x + b·y`.
  ///
  /// - Parameters:
  ///   - x: the first row.
  ///   - a: its coefficient.
  ///   - y: the second row, as many elements.
  ///   - b: its coefficient.
  ///   - keepingEqual: whether an element in which both rows are equal is kept as it is in x;
  ///     coefficients that should sum to 1 are rounded.
  ///   - out: receives as many elements.
  ///   - start: the place in `out` of the first of them.
  public static func combine(
    _ x: Span<Double>, times a: Double, _ y: Span<Double>, times b: Double,
    keepingEqual: Bool = false, into out: inout MutableSpan<Double>, from start: Int = 0
  ) {
    Kernels.combine(
      x, times: a, y, times: b, keepingEqual: keepingEqual, into: &out, from: start)
  }

  /// Adds multiples of the differences of two rows from a base to it:
  /// `out = base + (a·(x - base) + b·(y - base))`.
  ///
  /// An element that nothing is added to keeps its sign, even if it is zero.
  ///
  /// - Parameters:
  ///   - x: the first row.
  ///   - a: the coefficient of its difference.
  ///   - y: the second row, as many elements.
  ///   - b: the coefficient of its difference.
  ///   - base: as many elements.
  ///   - keepingEqual: whether an element in which both differences are equal is kept as it is in x.
  ///   - out: receives as many elements.
  ///   - start: the place in `out` of the first of them.
  public static func combineDifferences(
    _ x: Span<Double>, times a: Double, _ y: Span<Double>, times b: Double,
    on base: Span<Double>, keepingEqual: Bool = false, into out: inout MutableSpan<Double>,
    from start: Int = 0
  ) {
    Kernels.combineChanges(
      x, times: a, y, times: b, on: base, keepingEqual: keepingEqual, into: &out, from: start)
  }

  /// Moves a row towards another by a distance at most.
  ///
  /// - Parameters:
  ///   - x: where to; an element not further away than the distance is the result itself.
  ///   - base: where from, as many elements.
  ///   - t: the distance, at least 0.
  ///   - out: receives as many elements; NaN where the difference is NaN.
  public static func approach(
    _ x: Span<Double>, from base: Span<Double>, by t: Double, into out: inout MutableSpan<Double>
  ) {
    Kernels.approach(x, from: base, by: t, into: &out)
  }
}

// MARK: - Sums over the rows of a tile

extension RowArithmetic {
  /// Adds multiples of rows in their order: `((c₀·x₀) + c₁·x₁) + ...`.
  ///
  /// - Parameters:
  ///   - rows: one row at least.
  ///   - coefficients: one for each row.
  ///   - out: receives as many elements as each row has.
  ///   - start: the place in `out` of the first of them.
  public static func weightedSum(
    of rows: borrowing TileRows, _ coefficients: Span<Double>,
    into out: inout MutableSpan<Double>, from start: Int = 0
  ) {
    Kernels.weightedSum(of: rows, coefficients, keepingEqual: false, into: &out, from: start)
  }

  /// The weighted sum of rows, but where all have the same finite number that number itself.
  ///
  /// Coefficients of an average are rounded and need not sum to exactly 1.
  ///
  /// - Parameters:
  ///   - rows: one row at least.
  ///   - coefficients: one for each row.
  ///   - out: receives as many elements as each row has.
  ///   - start: the place in `out` of the first of them.
  public static func weightedMean(
    of rows: borrowing TileRows, _ coefficients: Span<Double>,
    into out: inout MutableSpan<Double>, from start: Int = 0
  ) {
    Kernels.weightedSum(of: rows, coefficients, keepingEqual: true, into: &out, from: start)
  }

  /// Adds multiples of changes to a base: `base + Σ cᵢ·dᵢ`.
  ///
  /// An element that nothing is added to keeps its sign, even if it is zero.
  ///
  /// - Parameters:
  ///   - changes: rows of changes, one at least.
  ///   - coefficients: one for each row.
  ///   - base: as many elements as each row has.
  ///   - out: receives as many.
  ///   - start: the place in `out` of the first of them.
  public static func place(
    _ changes: borrowing TileRows, times coefficients: Span<Double>, on base: Span<Double>,
    into out: inout MutableSpan<Double>, from start: Int = 0
  ) {
    Kernels.weightedSum(
      of: changes, coefficients, on: base, subtractingBase: false, into: &out, from: start)
  }

  /// Adds multiples of what is left of the differences of rows from a base to it: `base + Σ cᵢ·dᵢ`.
  ///
  /// An element that nothing is added to keeps its sign, even if it is zero.
  ///
  /// - Parameters:
  ///   - rows: one row at least.
  ///   - thinned: what is left of their differences.
  ///   - coefficients: one for each row.
  ///   - base: as many elements as each row has.
  ///   - out: receives as many.
  public static func place(
    _ rows: borrowing TileRows, _ thinned: ThinnedRows, times coefficients: Span<Double>,
    on base: Span<Double>, into out: inout MutableSpan<Double>
  ) {
    Kernels.addTaskVectors(rows, thinned, times: coefficients, on: base, into: &out)
  }

  /// Adds multiples of the differences of rows from a base to it: `base + Σ cᵢ·(xᵢ - base)`.
  ///
  /// An element that nothing is added to keeps its sign, even if it is zero.
  ///
  /// - Parameters:
  ///   - rows: one row at least.
  ///   - coefficients: one for each row.
  ///   - base: as many elements as each row has.
  ///   - out: receives as many.
  ///   - start: the place in `out` of the first of them.
  public static func placeDifferences(
    of rows: borrowing TileRows, times coefficients: Span<Double>, on base: Span<Double>,
    into out: inout MutableSpan<Double>, from start: Int = 0
  ) {
    Kernels.weightedSum(
      of: rows, coefficients, on: base, subtractingBase: true, into: &out, from: start)
  }

  /// Adds up the squared differences of all pairs of rows: the variance over the rows, times the
  /// square of their number.
  ///
  /// It is exactly zero where rows are equal, because no mean is rounded.
  ///
  /// - Parameters:
  ///   - rows: one row at least.
  ///   - out: receives as many elements as each row has, infinity in place of NaN.
  public static func sumSquaredDifferences(
    of rows: borrowing TileRows, into out: inout MutableSpan<Double>
  ) {
    Kernels.sumSquaredDifferences(of: rows, into: &out)
  }

  /// Adds to a base the weighted mean of those differences from it that have the sign of their sum.
  ///
  /// A sum of zero counts as positive. Where the weights of those differences do not add up to more
  /// than zero, their sum is not divided. An element that nothing is added to keeps its sign.
  ///
  /// - Parameters:
  ///   - rows: one row at least.
  ///   - coefficients: the weight of each row.
  ///   - base: as many elements as each row has.
  ///   - out: receives as many.
  public static func placeMajority(
    of rows: borrowing TileRows, times coefficients: Span<Double>, on base: Span<Double>,
    into out: inout MutableSpan<Double>
  ) {
    Kernels.addMajority(of: rows, coefficients, on: base, into: &out)
  }

  /// Does what ``placeMajority(of:times:on:into:)`` does in selected places, and leaves the base in
  /// the others.
  ///
  /// - Parameters:
  ///   - rows: one row at least.
  ///   - coefficients: the weight of each row.
  ///   - base: as many elements as each row has.
  ///   - selectors: as many; above zero in the selected places.
  ///   - out: receives as many.
  public static func placeMajority(
    of rows: borrowing TileRows, times coefficients: Span<Double>, on base: Span<Double>,
    selectedBy selectors: Span<Double>, into out: inout MutableSpan<Double>
  ) {
    Kernels.addMajority(of: rows, coefficients, on: base, selecting: selectors, into: &out)
  }

  /// Adds to a base the mean of those differences from it that are large enough to count.
  ///
  /// An element that nothing is added to keeps its sign, even if it is zero.
  ///
  /// - Parameters:
  ///   - rows: one row at least.
  ///   - coefficients: for each row by what its difference is multiplied where no other counts.
  ///   - base: as many elements as each row has.
  ///   - epsilon: the magnitude above which a difference counts, at least 0.
  ///   - out: receives as many elements.
  public static func placeActive(
    of rows: borrowing TileRows, times coefficients: Span<Double>, on base: Span<Double>,
    above epsilon: Double, into out: inout MutableSpan<Double>
  ) {
    Kernels.addActive(of: rows, coefficients, on: base, above: epsilon, into: &out)
  }
}

// MARK: - Rows as they are stored

extension RowArithmetic {
  /// Adds multiples of rows of BF16, or of their differences from a base to it, and rounds the sums
  /// once: nearest, ties to even.
  ///
  /// - Parameters:
  ///   - rows: the rows, the base first if there is one.
  ///   - coefficients: one for each row but the base.
  ///   - hasBase: whether the first row is a base.
  ///   - keepingEqual: whether an element that is the same in all rows but the base is kept as it is
  ///     there, for coefficients that sum to 1 but for rounding.
  ///   - out: receives the bits of as many elements of BF16.
  ///   - start: the place in `out` of the first of them.
  /// - Returns: `false` when a number or a result is NaN or infinite, or rows are shorter than 32
  ///   elements; the elements are undefined then, and the rows are to be widened.
  public static func addUp(
    _ rows: borrowing StoredRows, times coefficients: Span<Double>, hasBase: Bool,
    keepingEqual: Bool, into out: inout MutableSpan<UInt16>, from start: Int = 0
  ) -> Bool {
    Kernels.add(
      rows, times: coefficients, hasBase: hasBase, keepingEqual: keepingEqual, into: &out,
      from: start)
  }

  /// Adds multiples of what is left of the differences of rows from a base to it, and rounds the sums
  /// once: nearest, ties to even.
  ///
  /// - Parameters:
  ///   - rows: the base, and one more row at least.
  ///   - thinned: what is left of their differences; not ``ThinnedRows/subtracted``.
  ///   - coefficients: one for each row but the base.
  ///   - out: receives the bits of as many elements of BF16.
  ///   - start: the place in `out` of the first of them.
  /// - Returns: `false` when a number or a result is NaN or infinite; the elements are undefined then,
  ///   and the rows are to be widened.
  public static func place(
    _ rows: borrowing StoredRows, _ thinned: ThinnedRows, times coefficients: Span<Double>,
    into out: inout MutableSpan<UInt16>, from start: Int = 0
  ) -> Bool {
    Kernels.addTaskVectors(rows, thinned, times: coefficients, into: &out, from: start)
  }
}
