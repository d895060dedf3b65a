import CSinterKernels

/// The loop of the product of two matrices, over memory that the caller has checked.
package enum MatrixProductKernel {
  /// How many terms of a sum are added up before they are added to what was summed before.
  package static let sumBlock = 64

  /// Adds a product to a target.
  ///
  /// - Parameters:
  ///   - left: the first element of the left factor.
  ///   - rowStride: the distance of two neighbours in a column of it.
  ///   - columnStride: the distance of two neighbours in a row of it.
  ///   - right: the first element of the right factor, whose rows are contiguous.
  ///   - rightStride: the distance of its rows.
  ///   - target: the first element of the target, whose rows are contiguous.
  ///   - targetStride: the distance of its rows.
  ///   - rows: the rows of `left` and `target`.
  ///   - inner: the columns of `left`, and the rows of `right`.
  ///   - columns: the columns of `right` and `target`.
  @unsafe
  package static func addProduct(
    _ left: UnsafePointer<Float>, rowStride: Int, columnStride: Int,
    _ right: UnsafePointer<Float>, rightStride: Int, to target: UnsafeMutablePointer<Float>,
    targetStride: Int, rows: Int, inner: Int, columns: Int
  ) {
    // SAFETY: the caller has checked that all elements lie in memory.
    unsafe sinter_add_product_f32(
      KernelLevel.current, left, rowStride, columnStride, right, rightStride, target, targetStride,
      rows, inner, columns)
  }

  /// Adds a product to a target; as for `Float`.
  ///
  /// - Parameters:
  ///   - left: the first element of the left factor.
  ///   - rowStride: the distance of two neighbours in a column of it.
  ///   - columnStride: the distance of two neighbours in a row of it.
  ///   - right: the first element of the right factor, whose rows are contiguous.
  ///   - rightStride: the distance of its rows.
  ///   - target: the first element of the target, whose rows are contiguous.
  ///   - targetStride: the distance of its rows.
  ///   - rows: the rows of `left` and `target`.
  ///   - inner: the columns of `left`, and the rows of `right`.
  ///   - columns: the columns of `right` and `target`.
  @unsafe
  package static func addProduct(
    _ left: UnsafePointer<Double>, rowStride: Int, columnStride: Int,
    _ right: UnsafePointer<Double>, rightStride: Int, to target: UnsafeMutablePointer<Double>,
    targetStride: Int, rows: Int, inner: Int, columns: Int
  ) {
    // SAFETY: the caller has checked that all elements lie in memory.
    unsafe sinter_add_product_f64(
      KernelLevel.current, left, rowStride, columnStride, right, rightStride, target, targetStride,
      rows, inner, columns)
  }
}
