/// The search for the k-th largest of many keys that are seen in tiles, pass by pass.
///
/// Keys are unsigned numbers whose order is that of the elements. Of many keys a first pass takes a
/// sample, which gives a bracket: two keys between which the k-th largest must lie, unless the sample
/// is very unlike the rest. One pass over all keys then counts what lies above the bracket and what
/// lies within it, in bins, each with its least and its greatest key. The counts prove that the
/// bracket was right; where a bin holds a single value, that is the result. Otherwise the bin is the
/// next bracket. Where few keys are left, they are collected.
///
/// Of equal keys those of lowest index are the largest. The tile in which the last of them lies is
/// part of the result.
struct KeySelection: Sendable {
  /// How many keys are to be kept.
  enum Quota: Sendable, Hashable {
    case count(Int)
    /// A share of the keys that are not zero, rounded down; known after the first pass over all.
    case shareOfNonzero(Double)
  }

  /// What a pass finds out.
  enum Stage: Sendable, Hashable {
    /// A sample of the keys.
    case sampling
    /// How many keys lie above a bracket, and in each bin of it.
    case counting(KeyBracket)
    /// The keys within a bracket.
    case collecting(KeyBracket)
    /// In which tiles the keys lie that equal the k-th largest.
    case locating(UInt64)
    case done
  }

  /// The result.
  struct Place: Sendable, Hashable {
    /// The k-th largest key.
    var key: UInt64
    /// How many of the keys that equal it are among the k largest, at least 1.
    var kept: Int
    /// How many keys equal it.
    var ties: Int
    /// The tile that holds the last one kept, where not all are, and how many are kept in it.
    var cut: Cut?
  }

  /// The last of some equal keys that are kept.
  struct Cut: Sendable, Hashable {
    /// The tile that holds it.
    let tile: Int
    /// How many of the equal keys are kept in that tile, at least 1.
    let kept: Int
  }

  /// How many keys there are.
  let count: Int
  private let quota: Quota
  /// Whether it matters which of equal keys are kept.
  private let findsCut: Bool
  private(set) var stage: Stage
  /// `nil` before the end, and when none or all are kept.
  private(set) var place: Place?
  /// The keys between which the k-th largest lies for certain.
  private var certain = KeyBracket(low: 0, high: .max)

  /// The number of keys that are collected at most, or taken as a sample.
  static let mostCollected = 16_384

  /// Starts a search; it is done at once when none or all are to be kept.
  ///
  /// - Parameters:
  ///   - quota: how many keys are to be kept, at most all.
  ///   - count: how many keys there are.
  ///   - findsCut: whether it matters which of equal keys are kept.
  ///   - samples: whether the first pass may be over a sample.
  ///   - findsLeast: whether the least key is looked for too, where all are to be kept.
  init(
    keeping quota: Quota, of count: Int, findsCut: Bool, samples: Bool, findsLeast: Bool = false
  ) {
    self.count = count
    self.quota = quota
    self.findsCut = findsCut
    let keepsAll = quota == .count(count) && !findsLeast
    if quota == .count(0) || keepsAll || count == 0 {
      stage = .done
    } else if count <= Self.mostCollected {
      stage = .collecting(certain)
    } else {
      stage = samples ? .sampling : .counting(certain)
    }
  }

  /// How many keys are kept; for a share known at the end.
  private(set) var keptCount: Int? {
    get { if case .count(let kept) = quota { kept } else { shareCount } }
    set { shareCount = newValue }
  }
  private var shareCount: Int?

  func makePass() -> KeyPass { KeyPass(stage) }

  /// Takes in what a pass found.
  mutating func finish(_ pass: KeyPass) {
    precondition(pass.stage == stage, "a pass of another stage")
    if case .sampling = stage {
      stage = .counting(bracket(of: pass))
      return
    }
    precondition(pass.seen == count, "the pass did not see every element exactly once")
    if case .shareOfNonzero(let share) = quota, shareCount == nil {
      let kept = Int(share * Double(count - pass.zeros))
      shareCount = kept
      if kept == 0 || kept == count {
        stage = .done
        return
      }
    }
    switch stage {
    case .sampling, .done: break
    case .counting(let bracket): finishCounting(pass, bracket)
    case .collecting: finishCollecting(pass)
    case .locating(let key):
      place?.cut = pass.cut(keeping: place?.kept ?? 0, of: key)
      stage = .done
    }
  }
}

// MARK: - Stages

extension KeySelection {
  /// A bracket that holds the k-th largest key, but for the error of the sample.
  ///
  /// How far the shares of its pieces lie apart tells how large that error is; keys that lie close
  /// together are alike, so the number of keys alone would not.
  private func bracket(of pass: KeyPass) -> KeyBracket {
    guard !pass.keys.isEmpty else { return certain }
    var sorted = pass.keys
    let total = sorted.count
    let share: Double =
      switch quota {
      case .count(let kept): Double(kept) / Double(count)
      case .shareOfNonzero(let share):
        share * Double(sorted.count { $0 != 0 }) / Double(total)
      }
    let middle = min(max(Int(Double(total) * (1 - share)), 0), total - 1)
    let candidate = sorted.selectKey(middle)
    var variance = 0.0
    var start = 0
    for piece in pass.pieces {
      let above = pass.keys[start..<piece.end].count { $0 > candidate }
      let deviation = Double(above) - share * Double(piece.end - start)
      variance += deviation * deviation
      start = piece.end
    }
    let margin = 8 + Int(4 * variance.squareRoot())
    return KeyBracket(
      low: middle < margin ? 0 : sorted.selectKey(middle - margin),
      high: middle + margin >= total ? .max : sorted.selectKey(middle + margin),
      candidate: candidate)
  }

  private mutating func finishCounting(_ pass: KeyPass, _ bracket: KeyBracket) {
    let kept = keptCount ?? 0
    let bins = pass.binsWithCandidate()
    let inside = bins.reduce(0) { $0 + $1.count }
    guard kept > pass.above else {
      certain.low = bracket.high + 1
      stage = .counting(certain)
      return
    }
    guard kept <= pass.above + inside else {
      certain.high = bracket.low - 1
      stage = .counting(certain)
      return
    }
    var left = kept - pass.above
    // From the greatest bin down, until the one that the last kept key lies in.
    for bin in bins.reversed() {
      guard left > bin.count else {
        narrow(to: bin, keeping: left, pass)
        return
      }
      left -= bin.count
    }
  }

  private mutating func narrow(to bin: KeyPass.Bin, keeping kept: Int, _ pass: KeyPass) {
    certain = KeyBracket(low: bin.least, high: bin.greatest)
    guard bin.least == bin.greatest else {
      stage = bin.count <= Self.mostCollected ? .collecting(certain) : .counting(certain)
      return
    }
    finish(
      Place(key: bin.least, kept: kept, ties: bin.count),
      cut: pass.stage.candidate == bin.least ? pass.cut(keeping: kept, of: bin.least) : nil)
  }

  private mutating func finishCollecting(_ pass: KeyPass) {
    let kept = (keptCount ?? 0) - pass.above
    var sorted = pass.keys
    precondition(kept > 0 && kept <= sorted.count, "the pass did not see the keys of the bracket")
    let key = sorted.selectKey(sorted.count - kept)
    let place = Place(
      key: key, kept: kept - pass.keys.count { $0 > key }, ties: pass.keys.count { $0 == key })
    finish(place, cut: pass.cut(amongCollected: place))
  }

  private mutating func finish(_ place: Place, cut: Cut?) {
    self.place = place
    self.place?.cut = cut
    let isSettled = !findsCut || place.kept == place.ties || cut != nil
    if place.kept == place.ties { self.place?.cut = nil }
    stage = isSettled ? .done : .locating(place.key)
  }
}

/// Two keys and what lies between them.
struct KeyBracket: Sendable, Hashable {
  /// The least and the greatest key.
  var low: UInt64
  var high: UInt64
  /// A key between them that is likely to be the result. It is counted apart, tile by tile.
  var candidate: UInt64?

  /// How many low bits keys may differ in to share a bin.
  var shift: Int { max(0, 64 - (high - low).leadingZeroBitCount - Self.binBits) }

  /// The number of bins.
  var binCount: Int { Int((high - low) >> UInt64(shift)) + 1 }

  /// The number of bits that tell bins apart.
  private static let binBits = 10
}

extension KeySelection.Stage {
  /// The key whose places are counted.
  var candidate: UInt64? {
    switch self {
    case .counting(let bracket): bracket.candidate
    case .locating(let key): key
    case .sampling, .collecting, .done: nil
    }
  }
}

extension [UInt64] {
  /// Finds the key of a rank, 0 for the least, and moves keys on the way (Hoare's selection).
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
