extension CounterRandom {
  /// Sets elements to zero at random, each with the same probability and independently.
  ///
  /// What happens to an element depends on the key and on its index alone, so a tensor may be cut
  /// into rows anywhere.
  ///
  /// - Parameters:
  ///   - row: the elements.
  ///   - index: the index of the first of them in their tensor.
  ///   - threshold: from ``threshold(for:)``, for the probability of being kept.
  public func drop(
    _ row: inout MutableSpan<Double>, from index: Int, keepingBelow threshold: UInt64
  ) {
    precondition(index >= 0 && index <= .max - row.count, "an element has no such index")
    guard threshold <= UInt64(UInt32.max) else { return }
    Kernels.drop(&row, self, from: index, below: UInt32(threshold))
  }

  /// Makes a row its differences from a base, and sets elements to zero at random.
  ///
  /// - Parameters:
  ///   - row: the elements, then their differences from the base or zero.
  ///   - base: as many elements.
  ///   - index: the index of the first of them in their tensor.
  ///   - threshold: from ``threshold(for:)``, for the probability of being kept.
  public func drop(
    _ row: inout MutableSpan<Double>, minus base: Span<Double>, from index: Int,
    keepingBelow threshold: UInt64
  ) {
    precondition(index >= 0 && index <= .max - row.count, "an element has no such index")
    guard threshold <= UInt64(UInt32.max) else {
      RowArithmetic.subtract(base, from: &row)
      return
    }
    Kernels.drop(&row, minus: base, self, from: index, below: UInt32(threshold))
  }

  /// Sums the magnitudes of the differences of a row from a base, and of those of them that
  /// ``drop(_:minus:from:keepingBelow:)`` keeps.
  ///
  /// - Parameters:
  ///   - row: the elements.
  ///   - base: as many elements.
  ///   - index: the index of the first of them in their tensor.
  ///   - threshold: from ``threshold(for:)``, for the probability of being kept.
  /// - Returns: what ``Reduction/sumOfAbsolutes(_:)`` gives for all differences, and for those that
  ///   are left.
  public func sumsOfAbsolutes(
    _ row: Span<Double>, minus base: Span<Double>, from index: Int, keepingBelow threshold: UInt64
  ) -> (all: Double, kept: Double) {
    precondition(index >= 0 && index <= .max - row.count, "an element has no such index")
    // Everything is kept: there is no such limit of 32 bits.
    guard threshold <= UInt64(UInt32.max) else {
      let sums = Kernels.sumsOfKept(row, minus: base, self, from: index, below: 0)
      return (sums.all, sums.all)
    }
    return Kernels.sumsOfKept(row, minus: base, self, from: index, below: UInt32(threshold))
  }
}
