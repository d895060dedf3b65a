import Dispatch
import SinterTensors
import Synchronization

/// The operands of a product, over memory that callers have checked.
@safe
enum MatrixKernel<Scalar: WorkingFloat> {
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
    // SAFETY: the callers have checked that the rows lie in both matrices; the pointers are to
    // elements of the type that was asked for.
    let from = unsafe UnsafeRawPointer(left.base + rows.lowerBound * left.rowStride)
    let other = unsafe UnsafeRawPointer(right.base)
    let to = unsafe UnsafeMutableRawPointer(target.base + rows.lowerBound * target.rowStride)
    if Scalar.self == Float.self {
      unsafe MatrixProductKernel.addProduct(
        from.assumingMemoryBound(to: Float.self), rowStride: left.rowStride,
        columnStride: left.columnStride, other.assumingMemoryBound(to: Float.self),
        rightStride: right.rowStride, to: to.assumingMemoryBound(to: Float.self),
        targetStride: target.rowStride, rows: rows.count, inner: inner, columns: columns)
    } else {
      unsafe MatrixProductKernel.addProduct(
        from.assumingMemoryBound(to: Double.self), rowStride: left.rowStride,
        columnStride: left.columnStride, other.assumingMemoryBound(to: Double.self),
        rightStride: right.rowStride, to: to.assumingMemoryBound(to: Double.self),
        targetStride: target.rowStride, rows: rows.count, inner: inner, columns: columns)
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
