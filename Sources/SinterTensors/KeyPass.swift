/// What one pass of a ``KeySelection`` finds in some tiles.
struct KeyPass: Sendable {
  /// How many keys a bin holds, and the least and the greatest of them.
  struct Bin: Sendable {
    var count: Int
    var least: UInt64
    var greatest: UInt64
  }

  /// A tile, or a piece of one in a sample, whose keys were collected.
  struct Piece: Sendable {
    let tile: Int
    /// The number of keys that were collected up to its end.
    let end: Int
  }

  /// How many keys of a tile equal the candidate.
  struct Ties: Sendable {
    let tile: Int
    let count: Int
  }

  let stage: KeySelection.Stage
  /// How many keys were seen, how many of them lie above the bracket, and how many are zero.
  private(set) var seen = 0
  private(set) var above = 0
  private(set) var zeros = 0
  /// The keys that were collected.
  private(set) var keys: [UInt64] = []
  private(set) var pieces: [Piece] = []
  private var ties: [Ties] = []
  /// Count, least and greatest key of each bin, one bin after the other.
  private var bins: [UInt64] = []
  /// Room for the keys of a tile that lie in the bracket.
  private var inside: [UInt64] = []

  init(_ stage: KeySelection.Stage) {
    self.stage = stage
    if case .counting(let bracket) = stage {
      bins = [UInt64](repeating: 0, count: 3 * bracket.binCount)
      for bin in 0..<bracket.binCount { bins[3 * bin + 1] = .max }
    }
  }

  /// The bracket of the pass.
  private var bracket: KeyBracket {
    switch stage {
    case .counting(let bracket), .collecting(let bracket): bracket
    case .sampling: KeyBracket(low: 0, high: .max)
    // Nothing lies within.
    case .locating(let key): KeyBracket(low: key, high: key, candidate: key)
    case .done: KeyBracket(low: 0, high: 0)
    }
  }

  /// Looks at the keys of a tile, or of a piece of one.
  ///
  /// - Parameters:
  ///   - row: numbers whose bits are the keys.
  ///   - mask: the bits that count.
  ///   - tile: the number of the tile.
  mutating func add(_ row: Span<Double>, mask: UInt64, tile: Int) {
    if inside.count < row.count { inside = [UInt64](repeating: 0, count: row.count) }
    let bracket = bracket
    var room = inside.mutableSpan
    let found = Kernels.selectKeys(row, mask: mask, bracket, into: &room)
    seen += row.count
    above += found.above
    zeros += found.zeros
    switch stage {
    case .counting:
      var bins = bins.mutableSpan
      Kernels.countBins(
        inside.span.extracting(0..<found.inside), from: bracket.low, shift: bracket.shift,
        into: &bins)
    case .sampling, .collecting:
      keys.append(contentsOf: inside[..<found.inside])
      pieces.append(Piece(tile: tile, end: keys.count))
    case .locating, .done: break
    }
    if bracket.candidate != nil, found.equal > 0 {
      ties.append(Ties(tile: tile, count: found.equal))
    }
  }

  /// Adds what was found in other tiles.
  mutating func add(_ other: KeyPass) {
    precondition(stage == other.stage, "a pass of another stage")
    seen += other.seen
    above += other.above
    zeros += other.zeros
    pieces += other.pieces.map { Piece(tile: $0.tile, end: $0.end + keys.count) }
    keys += other.keys
    ties += other.ties
    var bins = bins.mutableSpan
    let others = other.bins.span
    for bin in stride(from: 0, to: others.count, by: 3) {
      bins[bin] += others[bin]
      bins[bin + 1] = min(bins[bin + 1], others[bin + 1])
      bins[bin + 2] = max(bins[bin + 2], others[bin + 2])
    }
  }
}

// MARK: - What was found

extension KeyPass {
  /// The bins that hold keys, in ascending order, the candidate in its own.
  func binsWithCandidate() -> [Bin] {
    var bins = bins
    let equal = ties.reduce(0) { $0 + $1.count }
    if let candidate = bracket.candidate, equal > 0 {
      let bin = 3 * Int((candidate - bracket.low) >> UInt64(bracket.shift))
      bins[bin] += UInt64(equal)
      bins[bin + 1] = min(bins[bin + 1], candidate)
      bins[bin + 2] = max(bins[bin + 2], candidate)
    }
    return stride(from: 0, to: bins.count, by: 3).compactMap { bin in
      bins[bin] == 0
        ? nil : Bin(count: Int(bins[bin]), least: bins[bin + 1], greatest: bins[bin + 2])
    }
  }

  /// The tile of the last candidate that is kept, and how many are kept in it.
  func cut(keeping kept: Int, of key: UInt64) -> KeySelection.Cut? {
    precondition(stage.candidate == key, "the key was not looked for")
    return Self.cut(keeping: kept, ties)
  }

  /// The same where keys were collected.
  func cut(amongCollected place: KeySelection.Place) -> KeySelection.Cut? {
    var start = 0
    let ties = pieces.map { piece in
      defer { start = piece.end }
      return Ties(tile: piece.tile, count: keys[start..<piece.end].count { $0 == place.key })
    }
    return Self.cut(keeping: place.kept, ties)
  }

  private static func cut(keeping kept: Int, _ ties: [Ties]) -> KeySelection.Cut? {
    var left = kept
    for tile in ties.sorted(by: { $0.tile < $1.tile }) {
      if left <= tile.count { return KeySelection.Cut(tile: tile.tile, kept: left) }
      left -= tile.count
    }
    return nil
  }
}
