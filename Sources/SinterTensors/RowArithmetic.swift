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
  ///   - out: receives as many elements.
  public static func combine(
    _ x: Span<Double>, times a: Double, _ y: Span<Double>, times b: Double,
    into out: inout MutableSpan<Double>
  ) {
    Kernels.combine(x, times: a, y, times: b, into: &out)
  }

  /// Adds multiples of two rows where they differ: `out = x == y ? equal : a·x + b·y`.
  ///
  /// - Parameters:
  ///   - x: the first row.
  ///   - a: its coefficient.
  ///   - y: the second row, as many elements.
  ///   - b: its coefficient.
  ///   - equal: the result where they are equal, as many elements.
  ///   - out: receives as many elements.
  public static func combine(
    _ x: Span<Double>, times a: Double, _ y: Span<Double>, times b: Double,
    whereEqual equal: Span<Double>, into out: inout MutableSpan<Double>
  ) {
    Kernels.combine(x, times: a, y, times: b, whereEqual: equal, into: &out)
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
  public static func weightedSum(
    of rows: borrowing TileRows, _ coefficients: Span<Double>,
    into out: inout MutableSpan<Double>
  ) {
    Kernels.weightedSum(of: rows, coefficients, keepsEqual: false, into: &out)
  }

  /// The weighted sum of rows, but where all have the same finite number that number itself.
  ///
  /// Coefficients of an average are rounded and need not sum to exactly 1.
  ///
  /// - Parameters:
  ///   - rows: one row at least.
  ///   - coefficients: one for each row.
  ///   - out: receives as many elements as each row has.
  public static func weightedMean(
    of rows: borrowing TileRows, _ coefficients: Span<Double>,
    into out: inout MutableSpan<Double>
  ) {
    Kernels.weightedSum(of: rows, coefficients, keepsEqual: true, into: &out)
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
  public static func place(
    _ changes: borrowing TileRows, times coefficients: Span<Double>, on base: Span<Double>,
    into out: inout MutableSpan<Double>
  ) {
    Kernels.weightedSum(of: changes, coefficients, on: base, subtractsBase: false, into: &out)
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
  public static func placeDifferences(
    of rows: borrowing TileRows, times coefficients: Span<Double>, on base: Span<Double>,
    into out: inout MutableSpan<Double>
  ) {
    Kernels.weightedSum(of: rows, coefficients, on: base, subtractsBase: true, into: &out)
  }
}
