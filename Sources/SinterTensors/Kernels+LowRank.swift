import CSinterKernels

/// The loops over products of factors that are written in C, with spans in place of pointers.
extension Kernels {
  /// Adds a row of a product of factors.
  static func addLowRank(
    _ left: Span<Float>, _ right: Span<Float>, from start: Int, stride: Int, times factor: Double,
    _ factors: Span<Double>, to row: inout MutableSpan<Double>, _ range: Range<Int>
  ) {
    check(left.count, right.count, start, stride, factors.count, row.count, range)
    // SAFETY: check(…) made sure that all numbers that are read or written lie in the spans, and
    // the row is borrowed exclusively.
    unsafe left.withUnsafeBufferPointer { left in
      unsafe right.withUnsafeBufferPointer { right in
        unsafe factors.withUnsafeBufferPointer { factors in
          unsafe row.withUnsafeMutableBufferPointer { row in
            unsafe sinter_add_low_rank_f32(
              KernelLevel.current, left.baseAddress, right.baseAddress.map { unsafe $0 + start },
              left.count, stride, factor, factors.isEmpty ? nil : factors.baseAddress,
              row.baseAddress.map { unsafe $0 + range.lowerBound }, range.count)
          }
        }
      }
    }
  }

  /// Adds a row of a product of factors.
  static func addLowRank(
    _ left: Span<Double>, _ right: Span<Double>, from start: Int, stride: Int,
    times factor: Double, _ factors: Span<Double>, to row: inout MutableSpan<Double>,
    _ range: Range<Int>
  ) {
    check(left.count, right.count, start, stride, factors.count, row.count, range)
    // SAFETY: as above.
    unsafe left.withUnsafeBufferPointer { left in
      unsafe right.withUnsafeBufferPointer { right in
        unsafe factors.withUnsafeBufferPointer { factors in
          unsafe row.withUnsafeMutableBufferPointer { row in
            unsafe sinter_add_low_rank_f64(
              KernelLevel.current, left.baseAddress, right.baseAddress.map { unsafe $0 + start },
              left.count, stride, factor, factors.isEmpty ? nil : factors.baseAddress,
              row.baseAddress.map { unsafe $0 + range.lowerBound }, range.count)
          }
        }
      }
    }
  }

  private static func check(
    _ rank: Int, _ numbers: Int, _ start: Int, _ stride: Int, _ factors: Int, _ length: Int,
    _ range: Range<Int>
  ) {
    precondition(range.lowerBound >= 0 && range.upperBound <= length, "the row is too short")
    precondition(factors == 0 || factors == range.count, "as many factors as elements, or none")
    precondition(
      start >= 0 && stride >= 0
        && (rank == 0 || start + (rank - 1) * stride + range.count <= numbers),
      "the factor is too short")
  }
}
