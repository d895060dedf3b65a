import CSinterKernels

/// The loops over products of factors that are written in C, with spans in place of pointers.
extension Kernels {
  /// Adds rows of a product of factors.
  static func addLowRank(
    _ left: Span<Float>, _ rank: Int, _ right: Span<Float>, from start: Int, stride: Int,
    times factor: Double, _ factors: Span<Double>, on base: Span<Double>,
    to elements: inout MutableSpan<Double>, _ target: LowRankTarget
  ) {
    // SAFETY: the pointers come with the numbers that the kernel asks for, see withPointers.
    unsafe withPointers(left, rank, right, start, stride, factors, base, &elements, target) {
      left, right, factors, source, place, scratch in
      unsafe sinter_add_low_rank_f32(
        level, left, right, rank, stride, factor, factors, source, place, target.stride,
        target.rows, target.first.count, scratch)
    }
  }

  /// Adds rows of a product of factors.
  static func addLowRank(
    _ left: Span<Double>, _ rank: Int, _ right: Span<Double>, from start: Int, stride: Int,
    times factor: Double, _ factors: Span<Double>, on base: Span<Double>,
    to elements: inout MutableSpan<Double>, _ target: LowRankTarget
  ) {
    // SAFETY: as above.
    unsafe withPointers(left, rank, right, start, stride, factors, base, &elements, target) {
      left, right, factors, source, place, scratch in
      unsafe sinter_add_low_rank_f64(
        level, left, right, rank, stride, factor, factors, source, place, target.stride,
        target.rows, target.first.count, scratch)
    }
  }

  /// Checks that all numbers that are read or written lie in the spans, and lends pointers to the
  /// left factor, the right one, the factors of columns (null for none), what is added to, where the
  /// sums go, and scratch memory.
  @inline(__always)
  private static func withPointers<Number>(
    _ left: Span<Number>, _ rank: Int, _ right: Span<Number>, _ start: Int, _ stride: Int,
    _ factors: Span<Double>, _ base: Span<Double>, _ elements: inout MutableSpan<Double>,
    _ target: LowRankTarget,
    _ body: (
      UnsafePointer<Number>?, UnsafePointer<Number>?, UnsafePointer<Double>?,
      UnsafePointer<Double>?, UnsafeMutablePointer<Double>?, UnsafeMutablePointer<Double>?
    ) -> Void
  ) {
    precondition(base.isEmpty || base.count == elements.count, "the base has other elements")
    check(left.count, rank, right.count, start, stride, factors.count, elements.count, target)
    // SAFETY: check(…) made sure that all numbers that are read or written lie in the spans, the
    // elements are borrowed exclusively, and the scratch has as many numbers as a block takes.
    unsafe withScratch(rank) { scratch in
      unsafe left.withUnsafeBufferPointer { left in
        unsafe right.withUnsafeBufferPointer { right in
          unsafe factors.withUnsafeBufferPointer { factors in
            unsafe base.withUnsafeBufferPointer { base in
              unsafe elements.withUnsafeMutableBufferPointer { elements in
                let first = target.first.lowerBound
                let place = unsafe elements.baseAddress.map { unsafe $0 + first }
                let source =
                  unsafe base.isEmpty
                  ? place.map { unsafe UnsafePointer($0) }
                  : base.baseAddress.map { unsafe $0 + first }
                unsafe body(
                  left.baseAddress, right.baseAddress.map { unsafe $0 + start },
                  factors.isEmpty ? nil : factors.baseAddress, source, place, scratch)
              }
            }
          }
        }
      }
    }
  }

  /// Lends memory for the rows of a block in the left factor; of usual ranks it is on the stack.
  private static func withScratch(_ rank: Int, _ body: (UnsafeMutablePointer<Double>?) -> Void) {
    // SAFETY: the memory is written before it is read, by the kernel that it is lent to.
    unsafe withUnsafeTemporaryAllocation(
      of: Double.self, capacity: Int(SINTER_LOW_RANK_ROWS) * rank
    ) { scratch in
      unsafe body(scratch.baseAddress)
    }
  }

  private static func check(
    _ left: Int, _ rank: Int, _ right: Int, _ start: Int, _ stride: Int, _ factors: Int,
    _ count: Int, _ target: LowRankTarget
  ) {
    let row = target.first
    precondition(rank >= 0 && left == target.rows * rank, "the first factor has other rows")
    precondition(
      row.lowerBound >= 0
        && (target.rows == 0 || row.upperBound + (target.rows - 1) * target.stride <= count),
      "there are too few elements")
    precondition(factors == 0 || factors == row.count, "as many factors as elements, or none")
    precondition(
      start >= 0 && stride >= 0
        && (rank == 0 || start + (rank - 1) * stride + row.count <= right),
      "the second factor is too short")
  }
}
