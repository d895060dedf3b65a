/// The search for the k-th largest of many keys that are seen in tiles, pass by pass.
///
/// Keys are unsigned numbers whose order is that of the elements. Of many keys a first pass takes a
/// sample, which gives a bracket: two keys between which the k-th largest must lie, unless the
/// sample is very unlike the rest. One pass over all keys then counts what lies above the bracket,
/// and collects what lies within it. Keys that the sample holds often (atoms: differences of short
/// floating-point numbers take few values) are counted instead. The counts prove that the bracket
/// was right; if it was not, or holds too many keys, they are counted in bins, and one of these is
/// the next bracket.
///
/// Of equal keys those of lowest index are the largest. The tile in which the last of them lies is
/// part of the result. Of very many tiles only ranges are counted at first; then one more pass over
/// the tiles of a range finds it.
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
    /// In which of some tiles the last key lies that equals the k-th largest and is kept, as one of so
    /// many in these tiles.
    case locating(UInt64, kept: Int, within: Range<Int>)
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

  /// All tiles, however many there are.
  private static let allTiles = 0..<Int.max

  /// The number of keys that are collected at most, 3 MiB.
  static let mostCollected = 3 << 17

  /// The number of keys up to which no sample is taken.
  static let fewKeys = 16_384

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
    } else if count <= Self.fewKeys {
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

  /// The tiles that the next pass has to look at; `nil` for all.
  var tiles: Range<Int>? {
    if case .locating(_, _, let tiles) = stage, tiles != Self.allTiles { tiles } else { nil }
  }

  func makePass() -> KeyPass { KeyPass(stage) }

  /// Takes in what a pass found.
  mutating func finish(_ pass: KeyPass) {
    precondition(pass.stage == stage, "a pass of another stage")
    if case .sampling = stage {
      stage = stage(after: pass)
      return
    }
    precondition(
      pass.seen == count || tiles != nil, "the pass did not see every element exactly once")
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
    case .counting(let bracket), .collecting(let bracket): finish(pass, bracket)
    case .locating(let key, let kept, _):
      locate(key, keeping: kept, pass)
      guard stage != pass.stage else {
        preconditionFailure("the keys of the tiles are not those that were counted")
      }
    }
  }
}

// MARK: - Stages

extension KeySelection {
  /// A pass over a bracket that holds the k-th largest key, but for the error of the sample.
  ///
  /// How far the shares of its pieces lie apart tells how large that error is; keys that lie close
  /// together are alike, so the number of keys alone would not.
  private func stage(after sample: KeyPass) -> Stage {
    guard !sample.keys.isEmpty else { return .counting(certain) }
    let counted = KeySample(sample.keys)
    let total = counted.keys.count
    let share: Double =
      switch quota {
      case .count(let kept): Double(kept) / Double(count)
      case .shareOfNonzero(let share):
        share * Double(total - sample.zeros) / Double(total)
      }
    let middle = min(max(Int(Double(total) * (1 - share)), 0), total - 1)
    let key = counted.key(ofRank: middle)
    // Three and a half standard errors: of a thousand brackets less than one misses.
    let margin = 8 + Int(3.5 * Self.variance(of: sample, above: key, share).squareRoot())
    let found = counted.keys(ofRanks: max(middle - margin, 0)...min(middle + margin, total - 1))
    var bracket = KeyBracket(
      low: middle < margin ? 0 : found.low, high: middle + margin >= total ? .max : found.high)
    // Zeros are counted anyway, and often they are half of all keys.
    if bracket.low == 0, bracket.high > 0 { bracket.low = 1 }
    let inside = found.between.filter { $0 >= bracket.low }
    let collected = bracket.countApart(inside)
    let isFew = Double(collected) / Double(total) * Double(count) < 0.8 * Double(Self.mostCollected)
    return isFew ? .collecting(bracket) : .counting(bracket)
  }

  /// How far the numbers of keys above one lie from a share of each piece of a sample, in squares.
  private static func variance(of sample: KeyPass, above key: UInt64, _ share: Double) -> Double {
    let keys = sample.keys.span
    var variance = 0.0
    var start = 0
    for end in sample.pieceEnds {
      var above = 0
      for place in start..<end { above &+= keys[place] > key ? 1 : 0 }
      let deviation = Double(above) - share * Double(end - start)
      variance += deviation * deviation
      start = end
    }
    return variance
  }

  private mutating func finish(_ pass: KeyPass, _ bracket: KeyBracket) {
    guard !pass.overflows else {
      stage = .counting(bracket)
      return
    }
    let kept = keptCount ?? 0
    guard kept > pass.above else {
      certain.low = bracket.high + 1
      stage = .counting(certain)
      return
    }
    let bins = pass.allBins()
    var left = kept - pass.above
    // From the greatest bin down, until the one that the last kept key lies in.
    for bin in bins.reversed() {
      guard left > bin.count else {
        finish(pass, bin, keeping: left)
        return
      }
      left -= bin.count
    }
    if count - kept < pass.zeros {
      // Zeros are alike: which of them are kept changes nothing.
      place = Place(key: 0, kept: pass.zeros - (count - kept), ties: pass.zeros)
      stage = .done
      return
    }
    certain.high = bracket.low - 1
    stage = .counting(certain)
  }

  /// Looks for the key in the bin that holds it.
  private mutating func finish(_ pass: KeyPass, _ bin: KeyPass.Bin, keeping kept: Int) {
    if case .collecting = pass.stage {
      var left = kept
      for (key, count) in pass.keys(of: bin) {
        guard left > count else {
          finish(pass, Place(key: key, kept: left, ties: count))
          return
        }
        left -= count
      }
      preconditionFailure("the keys of a bin are not those that were counted")
    }
    if bin.least == bin.greatest {
      finish(pass, Place(key: bin.least, kept: kept, ties: bin.count))
      return
    }
    certain = KeyBracket(low: bin.least, high: bin.greatest)
    // All of them may lie in one run of tiles.
    stage = bin.count < KeyPass.mostCollected ? .collecting(certain) : .counting(certain)
  }

  private mutating func finish(_ pass: KeyPass, _ place: Place) {
    self.place = place
    stage = .done
    guard findsCut, place.kept < place.ties, place.key > 0 else { return }
    stage = .locating(place.key, kept: place.kept, within: Self.allTiles)
    locate(place.key, keeping: place.kept, pass)
  }

  /// Looks for the tile in which the last of some equal keys lies that is kept, and does not change
  /// the stage when the pass says nothing of it.
  private mutating func locate(_ key: UInt64, keeping kept: Int, _ pass: KeyPass) {
    guard let found = pass.find(last: kept, of: key) else { return }
    if found.tiles.count == 1 {
      place?.cut = Cut(tile: found.tiles.lowerBound, kept: found.kept)
      stage = .done
    } else {
      stage = .locating(key, kept: found.kept, within: found.tiles)
    }
  }
}

/// Two keys and what lies between them.
struct KeyBracket: Sendable, Hashable {
  /// The least and the greatest key.
  var low: UInt64
  var high: UInt64
  /// Keys within that are counted apart, tile by tile; those not in use are the greatest number,
  /// which is no key: a magnitude has no sign, and the order of values ends with one key for NaN.
  private(set) var atoms = SIMD4<UInt64>(repeating: .max)

  /// Makes a bracket.
  init(low: UInt64, high: UInt64, atoms: [UInt64] = []) {
    self.low = low
    self.high = high
    for (index, atom) in atoms.prefix(4).enumerated() { self.atoms[index] = atom }
  }

  /// How many low bits keys may differ in to share a bin.
  var shift: Int { max(0, 64 - (high - low).leadingZeroBitCount - Self.binBits) }

  /// The number of bins.
  var binCount: Int { Int((high - low) >> UInt64(shift)) + 1 }

  /// The number of bits that tell bins apart.
  private static let binBits = 10

  /// Makes the keys that a sample holds most often atoms.
  ///
  /// - Parameter sample: the keys of a sample that lie within the bracket.
  /// - Returns: how many of them are none of the atoms.
  fileprivate mutating func countApart(_ sample: [UInt64]) -> Int {
    var counts: [UInt64: Int] = [:]
    for key in sample { counts[key, default: 0] += 1 }
    let often = counts.filter { $0.value >= 8 }
      .sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(4)
    self = KeyBracket(low: low, high: high, atoms: often.map(\.key))
    return often.reduce(sample.count) { $0 - $1.value }
  }
}
