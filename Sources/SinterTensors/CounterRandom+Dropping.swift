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
    guard threshold <= UInt64(UInt32.max) else { return }
    let limit = UInt32(threshold)
    // Small enough for the first-level cache.
    var bits = [UInt32](repeating: 0, count: min(row.count, 2048))
    var start = 0
    while start < row.count {
      let count = min(bits.count, row.count &- start)
      var chunk = bits.mutableSpan
      fill(&chunk, from: index + start)
      for i in 0..<count {
        // As bits, because a choice between two numbers does not become vector code here.
        let kept: UInt64 = chunk[i] < limit ? .max : 0
        row[start &+ i] = Double(bitPattern: row[start &+ i].bitPattern & kept)
      }
      start += count
    }
  }
}
