/// Which bytes of a tensor were written.
struct ByteCoverage {
  /// Ranges in ascending order that neither overlap nor touch.
  private(set) var ranges: [Range<Int>] = []

  /// Notes that a range was written.
  mutating func insert(_ range: Range<Int>) {
    if range.isEmpty { return }
    // Writing goes from start to end as a rule: then this is one comparison.
    let first =
      if let last = ranges.last, range.lowerBound > last.upperBound {
        ranges.count
      } else {
        ranges.firstIndex { $0.upperBound >= range.lowerBound } ?? ranges.count
      }
    var end = first
    var merged = range
    while end < ranges.count, ranges[end].lowerBound <= range.upperBound {
      merged =
        min(
          merged.lowerBound, ranges[end].lowerBound)..<max(
          merged.upperBound, ranges[end].upperBound)
      end += 1
    }
    ranges.replaceSubrange(first..<end, with: [merged])
  }

  /// The first byte of so many that was not written; `nil` when all were.
  func firstGap(of byteCount: Int) -> Int? {
    guard byteCount > 0 else { return nil }
    guard let first = ranges.first, first.lowerBound == 0 else { return 0 }
    return first.upperBound < byteCount ? first.upperBound : nil
  }
}
