/// Rows of the product of two factors, added to what rows already hold.
///
/// Each element's sum over the rank is taken in Double, from zero on and in order, and then
/// multiplied and added: the bits depend neither on the machine nor on how many rows are asked for
/// at once. Of factors in `Float` every product in the sum is exact.
public enum LowRankProduct {
  /// Adds a row of a product: `row[j] += (factor + factors[j]) · Σ left[k] · right[k · stride + j]`.
  ///
  /// - Parameters:
  ///   - left: the row of the first factor; as many numbers as the rank is.
  ///   - right: the second factor.
  ///   - start: where in it the first element that is needed lies.
  ///   - stride: the distance of its rows.
  ///   - factor: by what the sums are multiplied.
  ///   - factors: what is added to the factor for each element; empty for nothing.
  ///   - row: what is added to.
  ///   - range: the elements of the row that are added to.
  public static func add(
    _ left: Span<Float>, _ right: Span<Float>, from start: Int, stride: Int, times factor: Double,
    _ factors: Span<Double>, to row: inout MutableSpan<Double>, _ range: Range<Int>
  ) {
    add(
      left, rank: left.count, right, from: start, stride: stride, times: factor, factors, to: &row,
      LowRankTarget(rows: 1, range))
  }

  /// Adds a row of a product: `row[j] += (factor + factors[j]) · Σ left[k] · right[k · stride + j]`.
  ///
  /// - Parameters:
  ///   - left: the row of the first factor; as many numbers as the rank is.
  ///   - right: the second factor.
  ///   - start: where in it the first element that is needed lies.
  ///   - stride: the distance of its rows.
  ///   - factor: by what the sums are multiplied.
  ///   - factors: what is added to the factor for each element; empty for nothing.
  ///   - row: what is added to.
  ///   - range: the elements of the row that are added to.
  public static func add(
    _ left: Span<Double>, _ right: Span<Double>, from start: Int, stride: Int,
    times factor: Double, _ factors: Span<Double>, to row: inout MutableSpan<Double>,
    _ range: Range<Int>
  ) {
    add(
      left, rank: left.count, right, from: start, stride: stride, times: factor, factors, to: &row,
      LowRankTarget(rows: 1, range))
  }

  /// Adds rows of a product, several at once: what is loaded of the second factor serves them all.
  ///
  /// - Parameters:
  ///   - left: the rows of the first factor, one after the other.
  ///   - rank: the numbers of each.
  ///   - right: the second factor.
  ///   - start: where in it the first element that is needed lies.
  ///   - stride: the distance of its rows.
  ///   - factor: by what the sums are multiplied.
  ///   - factors: what is added to the factor for each element of a row; empty for nothing.
  ///   - base: what is added to, laid out as the elements are; empty for the elements themselves.
  ///   - elements: what receives the sums, and what is added to if there is no base.
  ///   - target: the rows in it.
  public static func add(
    _ left: Span<Float>, rank: Int, _ right: Span<Float>, from start: Int, stride: Int,
    times factor: Double, _ factors: Span<Double>, on base: Span<Double> = Span(),
    to elements: inout MutableSpan<Double>, _ target: LowRankTarget
  ) {
    Kernels.addLowRank(
      left, rank, right, from: start, stride: stride, times: factor, factors, on: base,
      to: &elements, target)
  }

  /// Adds rows of a product, several at once: what is loaded of the second factor serves them all.
  ///
  /// - Parameters:
  ///   - left: the rows of the first factor, one after the other.
  ///   - rank: the numbers of each.
  ///   - right: the second factor.
  ///   - start: where in it the first element that is needed lies.
  ///   - stride: the distance of its rows.
  ///   - factor: by what the sums are multiplied.
  ///   - factors: what is added to the factor for each element of a row; empty for nothing.
  ///   - base: what is added to, laid out as the elements are; empty for the elements themselves.
  ///   - elements: what receives the sums, and what is added to if there is no base.
  ///   - target: the rows in it.
  public static func add(
    _ left: Span<Double>, rank: Int, _ right: Span<Double>, from start: Int, stride: Int,
    times factor: Double, _ factors: Span<Double>, on base: Span<Double> = Span(),
    to elements: inout MutableSpan<Double>, _ target: LowRankTarget
  ) {
    Kernels.addLowRank(
      left, rank, right, from: start, stride: stride, times: factor, factors, on: base,
      to: &elements, target)
  }
}

/// Where rows that a product is added to lie in a sequence of elements.
public struct LowRankTarget: Sendable, Hashable {
  /// The number of rows.
  public let rows: Int
  /// The elements of the first row.
  public let first: Range<Int>
  /// The distance of the rows.
  public let stride: Int

  /// Makes a description of rows.
  ///
  /// - Parameters:
  ///   - rows: the number of rows, at least 0.
  ///   - first: the elements of the first row.
  ///   - stride: the distance of the rows, at least the length of one when there are several.
  public init(rows: Int, _ first: Range<Int>, stride: Int = 0) {
    precondition(rows >= 0 && (rows <= 1 || stride >= first.count), "the rows overlap")
    self.rows = rows
    self.first = first
    self.stride = stride
  }
}
