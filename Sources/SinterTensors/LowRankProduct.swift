/// Rows of the product of two factors, added to what a row already holds.
///
/// Each element's sum over the rank is taken in Double, from zero on and in order, and then
/// multiplied and added: the bits do not depend on the machine. Of factors in `Float` every product
/// in the sum is exact.
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
    Kernels.addLowRank(
      left, right, from: start, stride: stride, times: factor, factors, to: &row, range)
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
    Kernels.addLowRank(
      left, right, from: start, stride: stride, times: factor, factors, to: &row, range)
  }
}
