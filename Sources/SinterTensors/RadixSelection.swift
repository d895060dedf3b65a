/// The search for the k-th largest of many keys that are seen in tiles, pass by pass.
///
/// Each pass counts the next 16 bits of the keys that agree with all bits found so far; nothing but
/// this histogram is kept of them. Keys are unsigned numbers whose order is that of the elements.
struct RadixSelection: Sendable {
  /// The bits that are known of the k-th largest key, moved down to the low end.
  private(set) var prefix: UInt64 = 0
  /// The number of its bits that are not known.
  private(set) var unknownBits: Int
  /// How many keys start with the known bits.
  private(set) var candidates: Int
  /// How many of those are among the k largest.
  private(set) var keptCandidates: Int

  /// Starts a search.
  ///
  /// - Parameters:
  ///   - kept: k, `0...count`.
  ///   - count: how many keys there are.
  ///   - keyBits: the width of the keys, at most 64.
  init(keeping kept: Int, of count: Int, keyBits: Int) {
    unknownBits = keyBits
    candidates = count
    keptCandidates = kept
  }

  /// The k-th largest key as far as it is known, the other bits zero.
  var key: UInt64 { prefix << UInt64(unknownBits) }

  /// A histogram to be filled with all keys.
  func makeHistogram() -> RadixHistogram {
    RadixHistogram(prefix: prefix, unknownBits: unknownBits)
  }

  /// Takes in what a pass over all keys counted.
  mutating func finish(_ histogram: RadixHistogram) {
    precondition(
      histogram.prefix == prefix && histogram.unknownBits == unknownBits,
      "a pass of another round")
    precondition(
      histogram.counted == candidates, "the pass did not see every element exactly once")
    // From the largest digit down, until the bucket that the last kept key lies in.
    var digit = histogram.counts.count - 1
    while keptCandidates > histogram.counts[digit] {
      keptCandidates -= histogram.counts[digit]
      digit -= 1
    }
    candidates = histogram.counts[digit]
    prefix = prefix << UInt64(histogram.digitBits) | UInt64(digit)
    unknownBits -= histogram.digitBits
    if let rest = histogram.commonRest {
      prefix = prefix << UInt64(unknownBits) | rest
      unknownBits = 0
    }
  }
}

/// How often each value of the next bits occurs among the keys that start with the known bits.
struct RadixHistogram: Sendable {
  fileprivate let prefix: UInt64
  fileprivate let unknownBits: Int
  fileprivate let digitBits: Int
  fileprivate var counts: [Int]
  /// The sum of the counts.
  fileprivate var counted = 0
  /// The bits that are set in any, and those that are set in all, of the keys that were counted.
  private var setInAny: UInt64 = 0
  private var setInAll: UInt64 = .max

  /// The bits below the counted ones when they are the same in all keys, so that no further pass is
  /// needed: differences of 16-bit numbers have few significant bits, and zeros behind them.
  fileprivate var commonRest: UInt64? {
    let mask = (1 as UInt64) << UInt64(unknownBits - digitBits) - 1
    return (setInAny ^ setInAll) & mask == 0 ? setInAny & mask : nil
  }

  fileprivate init(prefix: UInt64, unknownBits: Int) {
    self.prefix = prefix
    self.unknownBits = unknownBits
    digitBits = min(unknownBits, 16)
    counts = [Int](repeating: 0, count: 1 << digitBits)
  }

  /// Counts the keys of a tile.
  @inline(__always)
  mutating func add<T: WorkingFloat>(_ row: Span<T>, key: (T) -> UInt64) {
    let prefix = prefix
    let shift = UInt64(unknownBits - digitBits)
    let digitBits = UInt64(digitBits)
    let digitMask = (1 as UInt64) &<< digitBits - 1
    var any = setInAny
    var all = setInAll
    var counted = 0
    var counts = counts.mutableSpan
    // With `for` a bounds check stays in this loop.
    var i = 0
    while i < row.count {
      let key = key(row[i])
      let digits = key &>> shift
      if digits &>> digitBits == prefix {
        counts[Int(truncatingIfNeeded: digits & digitMask)] &+= 1
        counted &+= 1
        any |= key
        all &= key
      }
      i &+= 1
    }
    self.counted += counted
    setInAny = any
    setInAll = all
  }

  /// Adds what was counted of other tiles in the same round.
  mutating func add(_ other: RadixHistogram) {
    precondition(
      prefix == other.prefix && unknownBits == other.unknownBits, "a pass of another round")
    for digit in counts.indices { counts[digit] += other.counts[digit] }
    counted += other.counted
    setInAny |= other.setInAny
    setInAll &= other.setInAll
  }
}

extension WorkingFloat {
  /// The bit pattern without the sign: as an integer it has the order of the magnitudes.
  @inline(__always)
  var magnitudePattern: UInt64 {
    UInt64(exponentBitPattern) << UInt64(Self.significandBitCount)
      | UInt64(truncatingIfNeeded: significandBitPattern)
  }

  /// The number of bits of the magnitude's pattern: all but the sign.
  static var magnitudeBits: Int { exponentBitCount + significandBitCount }
}
