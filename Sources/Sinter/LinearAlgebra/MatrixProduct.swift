import SinterTensors

/// Products of matrices, in blocks of rows that threads share.
///
/// The result is the same for any number of threads. In the precision u of the elements the error
/// of an element is at most about (64 + n / 64) · u times the sum of the magnitudes of its n terms:
/// sums are taken in blocks of 64 terms.
extension Matrix {
  /// How many rows of a result a thread works on at a time: a multiple of the six that are kept in
  /// registers.
  private static var rowBlock: Int { 96 }

  /// The product with another matrix.
  ///
  /// - Parameters:
  ///   - other: as many rows as this has columns.
  ///   - threads: the largest number of threads.
  /// - Returns: the product, zero where there is nothing to sum.
  /// - Complexity: 2 · rows · columns · other.columns operations.
  func times(_ other: Self, threads: Int = 1) -> Self {
    var result = Self(rows: rows, columns: other.columns)
    result.addProduct(self, other, threads: threads)
    return result
  }

  /// The product of the transpose of this matrix with another.
  ///
  /// - Parameters:
  ///   - other: as many rows as this has.
  ///   - threads: the largest number of threads.
  /// - Returns: the product.
  func transposedTimes(_ other: Self, threads: Int = 1) -> Self {
    var result = Self(rows: columns, columns: other.columns)
    result.addProduct(transposed: self, other, threads: threads)
    return result
  }

  /// The product with the transpose of another matrix.
  ///
  /// - Parameters:
  ///   - other: as many columns as this has.
  ///   - threads: the largest number of threads.
  /// - Returns: the product.
  func timesTransposed(_ other: Self, threads: Int = 1) -> Self {
    precondition(columns == other.columns, "the matrices do not fit")
    return times(other.transposed(), threads: threads)
  }

  /// Adds a product to this matrix.
  ///
  /// - Parameters:
  ///   - left: as many rows as this has.
  ///   - right: as many rows as `left` has columns, as many columns as this has.
  ///   - threads: the largest number of threads.
  mutating func addProduct(_ left: Self, _ right: Self, threads: Int = 1) {
    precondition(
      left.columns == right.rows && left.rows == rows && right.columns == columns,
      "the matrices do not fit")
    add(left, rowStride: left.columns, columnStride: 1, inner: left.columns, right, threads)
  }

  /// Adds the product of a transpose to this matrix.
  ///
  /// When the rows come in parts, each part but the last a multiple of 64 rows, the sum is the same
  /// to the last bit as that of the whole.
  ///
  /// - Parameters:
  ///   - left: as many columns as this has rows.
  ///   - right: as many rows as `left`, as many columns as this has.
  ///   - threads: the largest number of threads.
  mutating func addProduct(transposed left: Self, _ right: Self, threads: Int = 1) {
    precondition(
      left.rows == right.rows && left.columns == rows && right.columns == columns,
      "the matrices do not fit")
    add(left, rowStride: 1, columnStride: left.columns, inner: left.rows, right, threads)
  }

  private mutating func add(
    _ left: Self, rowStride: Int, columnStride: Int, inner: Int, _ right: Self, _ threads: Int
  ) {
    let (rows, columns) = (rows, columns)
    guard rows > 0, columns > 0, inner > 0 else { return }
    let blocks = (rows + Self.rowBlock - 1) / Self.rowBlock
    var storage = mutableElements
    // SAFETY: extents were checked by the callers; the pointers are used only inside the closures,
    // and each block writes rows of its own.
    unsafe storage.withUnsafeMutableBufferPointer { target in
      unsafe left.elements.withUnsafeBufferPointer { left in
        unsafe right.elements.withUnsafeBufferPointer { right in
          guard let target = target.baseAddress, let left = left.baseAddress,
            let right = right.baseAddress
          else { return }
          let product = unsafe (
            left: MatrixKernel<Scalar>.Operand(
              base: left, rowStride: rowStride, columnStride: columnStride),
            right: MatrixKernel<Scalar>.Operand(base: right, rowStride: columns, columnStride: 1),
            target: MatrixKernel<Scalar>.Target(base: target, rowStride: columns)
          )
          ParallelBlocks.perform(blocks, threads: threads) { block in
            let start = block * Self.rowBlock
            MatrixKernel<Scalar>.addProduct(
              rows: start..<min(start + Self.rowBlock, rows), inner: inner, columns: columns,
              product.left, product.right, to: product.target)
          }
        }
      }
    }
  }
}
