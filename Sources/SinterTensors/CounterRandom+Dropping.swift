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
  @specialized(where T == Float)
  @specialized(where T == Double)
  public func drop<T: WorkingFloat>(
    _ row: inout MutableSpan<T>, from index: Int, keepingBelow threshold: UInt64
  ) {
    guard threshold <= UInt64(UInt32.max) else { return }
    let limit = UInt32(threshold)
    // Small enough for the first-level cache.
    var bits = [UInt32](repeating: 0, count: min(row.count, 2048))
    var start = 0
    while start < row.count {
      let count = min(bits.count, row.count - start)
      var chunk = bits.mutableSpan
      fill(&chunk, from: index + start)
      var i = 0
      while i < count {
        row[start &+ i] = chunk[i] < limit ? row[start &+ i] : 0
        i &+= 1
      }
      start += count
    }
  }
}
