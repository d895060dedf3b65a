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

  /// Sets elements to zero as ``drop(_:from:keepingBelow:)`` does, and sums their magnitudes.
  ///
  /// - Parameters:
  ///   - row: the elements.
  ///   - index: the index of the first of them in their tensor.
  ///   - threshold: from ``threshold(for:)``, for the probability of being kept.
  /// - Returns: what ``Reduction/sumOfAbsolutes(_:)`` gives for the row before and after.
  public func dropSumming(
    _ row: inout MutableSpan<Double>, from index: Int, keepingBelow threshold: UInt64
  ) -> (before: Double, after: Double) {
    precondition(index >= 0 && index <= .max - row.count, "an element has no such index")
    guard threshold <= UInt64(UInt32.max) else {
      let sum = Reduction.sumOfAbsolutes(row.span)
      return (sum, sum)
    }
    return Kernels.dropAndSum(&row, self, from: index, below: UInt32(threshold))
  }
}
