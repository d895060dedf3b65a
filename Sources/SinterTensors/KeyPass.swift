/// What one pass of a ``KeySelection`` finds in some tiles.
struct KeyPass: Sendable {
  /// How many keys lie in a bin, and the least and the greatest of them.
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

  /// How many keys of a tile equal each atom.
  struct Ties: Sendable {
    let tile: Int
    let counts: SIMD4<Int>
  }

  let stage: KeySelection.Stage
  /// How many keys were seen, how many of them lie above the bracket, and how many are zero.
  private(set) var seen = 0
  private(set) var above = 0
  private(set) var zeros = 0
  /// The keys within the bracket, without atoms.
  private(set) var keys: [UInt64] = []
  private(set) var pieces: [Piece] = []
  /// Whether there were more keys to collect than are kept; then none are.
  private(set) var overflows = false
  private var ties: [Ties] = []
  /// Count, least and greatest key of each bin, one bin after the other.
  private var bins: [UInt64] = []
  /// Room for the keys of a tile that lie in the bracket.
  private var inside: [UInt64] = []

  /// The number of keys that one pass over a run of tiles collects at most.
  static let mostCollected = 1 << 15

  init(_ stage: KeySelection.Stage) {
    self.stage = stage
    if case .counting(let bracket) = stage { bins = Self.emptyBins(bracket) }
  }

  private static func emptyBins(_ bracket: KeyBracket) -> [UInt64] {
    var bins = [UInt64](repeating: 0, count: 3 * bracket.binCount)
    for bin in 0..<bracket.binCount { bins[3 * bin + 1] = .max }
    return bins
  }

  /// The bracket of the pass.
  private var bracket: KeyBracket {
    switch stage {
    case .counting(let bracket), .collecting(let bracket): bracket
    case .sampling: KeyBracket(low: 0, high: .max)
    // Nothing lies within but the atom itself.
    case .locating(let key): KeyBracket(low: key, high: key, atoms: [key])
    case .done: KeyBracket(low: 0, high: 0)
    }
  }

  /// Looks at the keys of a tile, or of a piece of one.
  ///
  /// - Parameters:
  ///   - row: numbers whose bits are the keys.
  ///   - base: what is subtracted from them before, if anything.
  ///   - mask: the bits that count.
  ///   - tile: the number of the tile.
  mutating func add(
    _ row: Span<Double>, minus base: Span<Double>? = nil, mask: UInt64, tile: Int
  ) {
    if inside.count < row.count { inside = [UInt64](repeating: 0, count: row.count) }
    let bracket = bracket
    var room = inside.mutableSpan
    let found = Kernels.selectKeys(row, minus: base, mask: mask, bracket, into: &room)
    seen += row.count
    above += found.above
    zeros += found.zeros
    if found.atoms != SIMD4() { ties.append(Ties(tile: tile, counts: found.atoms)) }
    switch stage {
    case .counting:
      let inside = inside
      var bins = bins.mutableSpan
      Kernels.countBins(
        inside.span.extracting(0..<found.inside), from: bracket.low, shift: bracket.shift,
        into: &bins)
    case .sampling:
      collect(found.inside, tile: tile, most: .max)
    case .collecting:
      collect(found.inside, tile: tile, most: Self.mostCollected)
    case .locating, .done: break
    }
  }

  private mutating func collect(_ count: Int, tile: Int, most: Int) {
    guard !overflows, count > 0 else { return }
    keys.append(contentsOf: inside[..<count])
    pieces.append(Piece(tile: tile, end: keys.count))
    if keys.count > most { overflow() }
  }

  private mutating func overflow() {
    overflows = true
    keys = []
    pieces = []
  }

  /// Adds what was found in other tiles.
  mutating func add(_ other: KeyPass) {
    precondition(stage == other.stage, "a pass of another stage")
    seen += other.seen
    above += other.above
    zeros += other.zeros
    ties += other.ties
    if !overflows, other.overflows { overflow() }
    if !overflows {
      pieces += other.pieces.map { Piece(tile: $0.tile, end: $0.end + keys.count) }
      keys += other.keys
      if case .collecting = stage, keys.count > KeySelection.mostCollected { overflow() }
    }
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
  /// How many keys equal each atom.
  var atomCounts: SIMD4<Int> { ties.reduce(into: SIMD4()) { $0 &+= $1.counts } }

  /// The bins that hold keys, in ascending order, atoms in their own.
  ///
  /// Collected keys are counted now.
  func allBins() -> [Bin] {
    let bracket = bracket
    var bins = self.bins
    if bins.isEmpty {
      bins = Self.emptyBins(bracket)
      var span = bins.mutableSpan
      Kernels.countBins(keys.span, from: bracket.low, shift: bracket.shift, into: &span)
    }
    let counts = atomCounts
    for atom in 0..<4 where counts[atom] > 0 {
      let bin = 3 * Int((bracket.atoms[atom] - bracket.low) >> UInt64(bracket.shift))
      bins[bin] += UInt64(counts[atom])
      bins[bin + 1] = min(bins[bin + 1], bracket.atoms[atom])
      bins[bin + 2] = max(bins[bin + 2], bracket.atoms[atom])
    }
    return stride(from: 0, to: bins.count, by: 3).compactMap { bin in
      bins[bin] == 0
        ? nil : Bin(count: Int(bins[bin]), least: bins[bin + 1], greatest: bins[bin + 2])
    }
  }

  /// How often each different key of a bin was found, the greatest key first; keys were collected.
  func keys(of bin: Bin) -> [(key: UInt64, count: Int)] {
    var counts: [UInt64: Int] = [:]
    for key in keys where key >= bin.least && key <= bin.greatest { counts[key, default: 0] += 1 }
    let atoms = atomCounts
    for atom in 0..<4 where atoms[atom] > 0 {
      let key = bracket.atoms[atom]
      if key >= bin.least && key <= bin.greatest { counts[key] = atoms[atom] }
    }
    return counts.sorted { $0.key > $1.key }.map { (key: $0.key, count: $0.value) }
  }

  /// The tile of the last of some equal keys that is kept, and how many are kept in it; `nil` when
  /// the pass did not note where they lie.
  func cut(keeping kept: Int, of key: UInt64) -> KeySelection.Cut? {
    if let atom = (0..<4).first(where: { bracket.atoms[$0] == key }) {
      return Self.cut(keeping: kept, ties.map { ($0.tile, $0.counts[atom]) })
    }
    var start = 0
    return Self.cut(
      keeping: kept,
      pieces.map { piece in
        defer { start = piece.end }
        return (piece.tile, keys[start..<piece.end].count { $0 == key })
      })
  }

  private static func cut(
    keeping kept: Int, _ ties: [(tile: Int, count: Int)]
  ) -> KeySelection.Cut? {
    var left = kept
    for (tile, count) in ties.sorted(by: { $0.tile < $1.tile }) {
      if left <= count { return KeySelection.Cut(tile: tile, kept: left) }
      left -= count
    }
    return nil
  }
}
