import Dispatch
import SinterTensors
import Synchronization

/// The loops that linear algebra spends its time in, over memory that callers have checked.
///
/// A sum over an inner extent is taken in blocks of ``sumBlock`` terms, each from zero and in
/// order; the sums of the blocks are added in order. So results depend neither on threads nor on
/// how rows and columns are divided, nor on how an inner extent is divided at multiples of a block.
@safe
enum MatrixKernel<Scalar: WorkingFloat> {
  /// How many terms are summed before they are added to what was summed before.
  ///
  /// Short enough for `Float`: the error of a sum of n terms grows with n / 64 + 64, not with n.
  static var sumBlock: Int { 64 }

  /// A matrix operand: where its elements lie.
  ///
  /// Marked `@unchecked Sendable` because whoever makes one outlives the threads that read it.
  @safe
  struct Operand: @unchecked Sendable {
    let base: UnsafePointer<Scalar>
    /// The distance of two neighbours in a column, and in a row.
    let rowStride, columnStride: Int
  }

  /// A matrix that is written.
  ///
  /// Marked `@unchecked Sendable` because threads write different rows of it.
  @safe
  struct Target: @unchecked Sendable {
    let base: UnsafeMutablePointer<Scalar>
    let rowStride: Int
  }

  /// Adds a product to rows of a target.
  ///
  /// - Parameters:
  ///   - rows: the rows of `target`, and of `left`, to work on.
  ///   - inner: the number of terms of each sum.
  ///   - columns: the number of columns of `right` and `target`.
  ///   - left: one factor.
  ///   - right: the other factor; its rows are contiguous.
  ///   - target: receives the sums.
  static func addProduct(
    rows: Range<Int>, inner: Int, columns: Int, _ left: Operand, _ right: Operand, to target: Target
  ) {
    guard columns > 0 else { return }
    let sums = UnsafeMutablePointer<Scalar>.allocate(capacity: columns)
    // SAFETY: `sums` is owned by this function; the callers have checked that all indices that
    // follow lie in the matrices that the operands were made of.
    unsafe sums.initialize(repeating: 0, count: columns)
    defer { unsafe sums.deallocate() }
    for block in stride(from: 0, to: inner, by: sumBlock) {
      let end = min(block + sumBlock, inner)
      for row in rows {
        let factors = unsafe left.base + row * left.rowStride
        for j in 0..<columns { unsafe sums[j] = 0 }
        var k = block
        while k + 4 <= end {
          let a0 = unsafe factors[k * left.columnStride]
          let a1 = unsafe factors[(k + 1) * left.columnStride]
          let a2 = unsafe factors[(k + 2) * left.columnStride]
          let a3 = unsafe factors[(k + 3) * left.columnStride]
          let b0 = unsafe right.base + k * right.rowStride
          let b1 = unsafe b0 + right.rowStride
          let b2 = unsafe b1 + right.rowStride
          let b3 = unsafe b2 + right.rowStride
          for j in 0..<columns {
            unsafe sums[j] = (((sums[j] + a0 * b0[j]) + a1 * b1[j]) + a2 * b2[j]) + a3 * b3[j]
          }
          k += 4
        }
        while k < end {
          let a = unsafe factors[k * left.columnStride]
          let b = unsafe right.base + k * right.rowStride
          for j in 0..<columns { unsafe sums[j] = sums[j] + a * b[j] }
          k += 1
        }
        let result = unsafe target.base + row * target.rowStride
        for j in 0..<columns { unsafe result[j] = result[j] + sums[j] }
      }
    }
  }
}

/// Blocks of work that threads take one after another.
enum ParallelBlocks {
  /// Does all blocks; which thread does which is left to chance, so a block must not depend on
  /// another.
  ///
  /// - Parameters:
  ///   - count: the number of blocks.
  ///   - threads: the largest number of threads, the calling one included, at least 1.
  ///   - body: does one block.
  static func perform(_ count: Int, threads: Int, _ body: @Sendable (Int) -> Void) {
    guard threads > 1, count > 1 else {
      for block in 0..<count { body(block) }
      return
    }
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: min(threads, count)) { _ in
      while true {
        let block = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard block < count else { return }
        body(block)
      }
    }
  }
}

// MARK: - Rows

extension Matrix {
  /// Adds a multiple of a row to another row, from a column on.
  mutating func addRow(_ source: Int, times factor: Scalar, to target: Int, from column: Int = 0) {
    precondition(source >= 0 && source < rows && target >= 0 && target < rows, "no such row")
    precondition(source != target, "a row cannot be added to itself")
    precondition(column >= 0 && column <= columns, "no such column")
    let (width, count) = (columns, columns - column)
    var storage = mutableElements
    // SAFETY: both rows lie in the matrix from the column on, as checked above.
    unsafe storage.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let x = unsafe UnsafePointer(base + source * width + column)
      let y = unsafe base + target * width + column
      for i in 0..<count { unsafe y[i] = y[i] + factor * x[i] }
    }
  }

  /// Adds a multiple of a vector to a row, from a column on.
  mutating func add(_ vector: [Scalar], times factor: Scalar, toRow target: Int, from column: Int) {
    precondition(target >= 0 && target < rows, "no such row")
    precondition(column >= 0 && column + vector.count <= columns, "the vector does not fit")
    let start = target * columns + column
    var storage = mutableElements
    // SAFETY: the part of the row has as many elements as the vector, as checked above.
    unsafe storage.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let y = unsafe base + start
      unsafe vector.withUnsafeBufferPointer { x in
        for i in 0..<x.count { unsafe y[i] = y[i] + factor * x[i] }
      }
    }
  }

  /// Turns two rows x and y into cosine · x - sine · y and sine · x + cosine · y.
  mutating func rotateRows(_ first: Int, _ second: Int, cosine: Scalar, sine: Scalar) {
    precondition(first >= 0 && first < rows && second >= 0 && second < rows, "no such row")
    precondition(first != second, "a row cannot be turned into itself")
    let width = columns
    var storage = mutableElements
    // SAFETY: both rows lie in the matrix and differ, as checked above.
    unsafe storage.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let x = unsafe base + first * width
      let y = unsafe base + second * width
      for i in 0..<width {
        let (a, b) = unsafe (x[i], y[i])
        unsafe x[i] = cosine * a - sine * b
        unsafe y[i] = sine * a + cosine * b
      }
    }
  }
}
