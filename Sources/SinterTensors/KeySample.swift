/// The keys of a sample, counted in bins, so that each rank is looked for among few of them.
struct KeySample {
  /// The keys, in their order.
  let keys: ArraySlice<UInt64>
  /// How many keys each bin holds; the first one also holds all that lie below it.
  private var counts = [Int32](repeating: 0, count: Self.binCount)
  /// What the first bin would be the number of, counted from zero.
  private let first: Int

  /// So many that those below the largest magnitudes of a sample hold next to nothing.
  private static let binCount = 4096
  /// Of keys of Double 32 bins hold those of one exponent.
  private static let shift: UInt64 = 47

  /// Counts the keys of a sample, at least one.
  init(_ keys: ArraySlice<UInt64>) {
    self.keys = keys
    let values = keys.span
    var greatest: UInt64 = 0
    for place in values.indices { greatest = max(greatest, values[place]) }
    first = max(0, Int(greatest >> Self.shift) - (Self.binCount - 1))
    let first = first
    var bins = counts.mutableSpan
    for place in values.indices { bins[Self.bin(values[place], first)] &+= 1 }
  }

  private static func bin(_ key: UInt64, _ first: Int) -> Int { max(0, Int(key >> shift) - first) }

  /// The bin that holds a rank, and how many keys lie in those before.
  private func find(_ rank: Int) -> (bin: Int, before: Int) {
    var before = 0
    for (bin, count) in counts.enumerated() {
      if rank < before + Int(count) { return (bin, before) }
      before += Int(count)
    }
    preconditionFailure("there is no key of this rank")
  }

  /// The keys of some neighbouring bins.
  private func keys(of bins: ClosedRange<Int>) -> [UInt64] {
    let low = bins.lowerBound == 0 ? 0 : UInt64(bins.lowerBound + first) << Self.shift
    let last = UInt64(bins.upperBound + first) << Self.shift | ((1 << Self.shift) - 1)
    let width = last - low
    var found: [UInt64] = []
    found.reserveCapacity(counts[bins].reduce(0) { $0 + Int($1) })
    let values = keys.span
    for place in values.indices where values[place] &- low <= width { found.append(values[place]) }
    return found
  }

  /// Finds the key of a rank, 0 for the least.
  func key(ofRank rank: Int) -> UInt64 {
    let place = find(rank)
    var some = keys(of: place.bin...place.bin)
    return some.selectKey(rank - place.before)
  }

  /// Finds the keys of two ranks, and all keys from the one to the other.
  ///
  /// - Parameter ranks: two ranks, 0 for the least key.
  /// - Returns: the two keys, and all that are neither below the one nor above the other.
  func keys(ofRanks ranks: ClosedRange<Int>) -> (low: UInt64, high: UInt64, between: [UInt64]) {
    let (least, greatest) = (find(ranks.lowerBound), find(ranks.upperBound))
    var some = keys(of: least.bin...greatest.bin)
    let low = some.selectKey(ranks.lowerBound - least.before)
    let high = some.selectKey(ranks.upperBound - least.before)
    some.removeAll { $0 < low || $0 > high }
    return (low, high, some)
  }
}

extension [UInt64] {
  /// Finds the key of a rank, 0 for the least, and moves keys on the way, so that those before the
  /// rank are not greater and those behind it not less (Hoare's selection).
  fileprivate mutating func selectKey(_ rank: Int) -> UInt64 {
    var keys = mutableSpan
    var low = 0
    var high = keys.count - 1
    while low < high {
      let middle = low + (high - low) / 2
      // The median of three, so that sorted keys are not the worst case.
      let (a, b, c) = (keys[low], keys[middle], keys[high])
      let pivot = Swift.max(Swift.min(a, b), Swift.min(Swift.max(a, b), c))
      var i = low
      var j = high
      while i <= j {
        while keys[i] < pivot { i += 1 }
        while keys[j] > pivot { j -= 1 }
        if i <= j {
          keys.swapAt(i, j)
          i += 1
          j -= 1
        }
      }
      if rank <= j {
        high = j
      } else if rank >= i {
        low = i
      } else {
        return keys[rank]
      }
    }
    return keys[rank]
  }
}
