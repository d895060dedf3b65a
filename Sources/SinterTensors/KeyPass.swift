/// What one pass of a ``KeySelection`` finds in some tiles.
struct KeyPass: Sendable {
  /// How many keys lie in a bin, and the least and the greatest of them.
  struct Bin: Sendable {
    var count: Int
    var least: UInt64
    var greatest: UInt64
  }

  let stage: KeySelection.Stage
  /// How many keys were seen, how many of them lie above the bracket, and how many are zero.
  private(set) var seen = 0
  private(set) var above = 0
  private(set) var zeros = 0
  /// The keys within the bracket, without atoms.
  var keys: ArraySlice<UInt64> { room[..<keyCount] }
  /// The number of keys that were collected up to the end of each piece of a sample.
  private(set) var pieceEnds: [Int] = []
  /// Whether there were more keys to collect than are kept; then none are.
  private(set) var overflows = false
  /// Where atoms are, and where keys were collected.
  private var locations = KeyLocations()
  /// Count, least and greatest key of each bin, one bin after the other.
  private var bins: [UInt64] = []
  /// The keys within the bracket, and room for those of a part of a tile behind them.
  private var room: [UInt64] = []
  private var keyCount = 0

  /// The number of keys that one pass over a run of tiles collects at most.
  static let mostCollected = 1 << 15

  /// The number of keys that are looked at together at most.
  static let partLength = 4096

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
    case .locating(let key, _, _): KeyBracket(low: key, high: key, atoms: [key])
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
  ///   - continues: whether the keys belong to the piece that was added last.
  mutating func add(
    _ row: Span<Double>, minus base: Span<Double>? = nil, mask: UInt64, tile: Int,
    continues: Bool = false
  ) {
    if case .locating(_, _, let tiles) = stage, !tiles.contains(tile) { return }
    for start in stride(from: 0, to: row.count, by: Self.partLength) {
      let part = start..<min(start + Self.partLength, row.count)
      if let base {
        add(
          part: row.extracting(part), minus: base.extracting(part), mask, tile,
          continues || start > 0)
      } else {
        add(part: row.extracting(part), minus: nil, mask, tile, continues || start > 0)
      }
    }
  }

  /// Looks at the keys of a tile for two passes at once.
  ///
  /// - Parameters:
  ///   - row: numbers whose bits are the keys.
  ///   - base: what is subtracted from them before, if anything.
  ///   - mask: the bits that count.
  ///   - tile: the number of the tile.
  ///   - first: a pass.
  ///   - second: another one over the same keys.
  static func add(
    _ row: Span<Double>, minus base: Span<Double>? = nil, mask: UInt64, tile: Int,
    to first: inout KeyPass, _ second: inout KeyPass
  ) {
    guard !first.isLocating, !second.isLocating else {
      first.add(row, minus: base, mask: mask, tile: tile)
      second.add(row, minus: base, mask: mask, tile: tile)
      return
    }
    for start in stride(from: 0, to: row.count, by: Self.partLength) {
      let part = start..<min(start + Self.partLength, row.count)
      if let base {
        add(
          part: row.extracting(part), minus: base.extracting(part), mask, tile, start > 0,
          to: &first, &second)
      } else {
        add(part: row.extracting(part), minus: nil, mask, tile, start > 0, to: &first, &second)
      }
    }
  }

  private static func add(
    part row: Span<Double>, minus base: Span<Double>?, _ mask: UInt64, _ tile: Int,
    _ continues: Bool, to first: inout KeyPass, _ second: inout KeyPass
  ) {
    first.makeRoom(row.count)
    second.makeRoom(row.count)
    let (firstStart, secondStart) = (first.keyCount, second.keyCount)
    let (firstBracket, secondBracket) = (first.bracket, second.bracket)
    var firstRoom = first.room.mutableSpan
    var secondRoom = second.room.mutableSpan
    let found = Kernels.selectKeys(
      row, minus: base, mask: mask,
      firstBracket, into: &firstRoom, from: firstStart,
      secondBracket, into: &secondRoom, from: secondStart)
    first.take(found.0, of: row.count, tile, continues)
    second.take(found.1, of: row.count, tile, continues)
  }

  /// Looks at the magnitudes of the differences of a stored row, all of them finite, from the first.
  ///
  /// - Parameters:
  ///   - rows: what the base is the first of.
  ///   - row: the number of the row, from 1.
  ///   - tile: the number of the tile.
  mutating func add(_ rows: borrowing StoredRows, row: Int, tile: Int) {
    if case .locating(_, _, let tiles) = stage, !tiles.contains(tile) { return }
    for start in stride(from: 0, to: rows.length, by: Self.partLength) {
      let part = rows.extracting(start..<min(start + Self.partLength, rows.length))
      makeRoom(part.length)
      let (keyStart, bracket) = (keyCount, bracket)
      var span = room.mutableSpan
      let found = Kernels.selectKeys(part, row: row, bracket, into: &span, from: keyStart)
      take(found, of: part.length, tile, start > 0)
    }
  }

  /// The same for two passes at once.
  static func add(
    _ rows: borrowing StoredRows, row: Int, tile: Int,
    to first: inout KeyPass, _ second: inout KeyPass
  ) {
    guard !first.isLocating, !second.isLocating else {
      first.add(rows, row: row, tile: tile)
      second.add(rows, row: row, tile: tile)
      return
    }
    for start in stride(from: 0, to: rows.length, by: partLength) {
      let part = rows.extracting(start..<min(start + partLength, rows.length))
      first.makeRoom(part.length)
      second.makeRoom(part.length)
      let (firstStart, secondStart) = (first.keyCount, second.keyCount)
      let (firstBracket, secondBracket) = (first.bracket, second.bracket)
      var firstRoom = first.room.mutableSpan
      var secondRoom = second.room.mutableSpan
      let found = Kernels.selectKeys(
        part, row: row, firstBracket, into: &firstRoom, from: firstStart,
        secondBracket, into: &secondRoom, from: secondStart)
      first.take(found.0, of: part.length, tile, start > 0)
      second.take(found.1, of: part.length, tile, start > 0)
    }
  }

  private var isLocating: Bool { if case .locating = stage { true } else { false } }

  @inline(never)
  private mutating func add(
    part row: Span<Double>, minus base: Span<Double>?, _ mask: UInt64, _ tile: Int,
    _ continues: Bool
  ) {
    makeRoom(row.count)
    let (start, bracket) = (keyCount, bracket)
    var span = room.mutableSpan
    let found = Kernels.selectKeys(
      row, minus: base, mask: mask, bracket, into: &span, from: start)
    take(found, of: row.count, tile, continues)
  }

  /// Makes room behind the collected keys.
  private mutating func makeRoom(_ count: Int) {
    let missing = keyCount + count - room.count
    if missing > 0 {
      room.append(contentsOf: repeatElement(0, count: max(missing, room.count / 2)))
    }
  }

  /// Takes in what was found in a part of a tile; the keys stand behind those that were collected.
  private mutating func take(
    _ found: Kernels.SelectedKeys, of count: Int, _ tile: Int, _ continues: Bool
  ) {
    seen += count
    above += found.above
    zeros += found.zeros
    switch stage {
    case .counting(let bracket):
      countBins(found.inside, bracket)
      locations.add(atoms: found.atoms, collected: 0, tile: tile)
    case .sampling:
      keyCount += found.inside
      if continues, !pieceEnds.isEmpty { pieceEnds.removeLast() }
      pieceEnds.append(keyCount)
    case .collecting:
      guard !overflows else { return }
      keyCount += found.inside
      locations.add(atoms: found.atoms, collected: found.inside, tile: tile)
      if keyCount > Self.mostCollected { overflow() }
    case .locating:
      locations.add(atoms: found.atoms, collected: 0, tile: tile)
    case .done: break
    }
  }

  /// Counts the keys that were found in a part of a tile, and not collected.
  // Not inlined, since the compiler fails to then.
  @inline(never)
  private mutating func countBins(_ count: Int, _ bracket: KeyBracket) {
    let room = room
    var bins = bins.mutableSpan
    Kernels.countBins(
      room.span.extracting(0..<count), from: bracket.low, shift: bracket.shift, into: &bins)
  }

  private mutating func overflow() {
    overflows = true
    keyCount = 0
    locations = KeyLocations()
  }

  /// Adds what was found in other tiles.
  mutating func add(_ other: KeyPass) {
    precondition(stage == other.stage, "a pass of another stage")
    seen += other.seen
    above += other.above
    zeros += other.zeros
    if !overflows, other.overflows { overflow() }
    if !overflows {
      pieceEnds += other.pieceEnds.map { $0 + keyCount }
      locations.add(other.locations)
      room.replaceSubrange(keyCount..., with: other.keys)
      keyCount = room.count
      if case .collecting = stage, keyCount > KeySelection.mostCollected { overflow() }
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
  /// The bins that hold keys, in ascending order, atoms in their own.
  ///
  /// Collected keys are counted now.
  func allBins() -> [Bin] {
    let bracket = bracket
    var bins = self.bins
    if bins.isEmpty {
      bins = Self.emptyBins(bracket)
      var span = bins.mutableSpan
      Kernels.countBins(
        room.span.extracting(0..<keyCount), from: bracket.low, shift: bracket.shift, into: &span)
    }
    let counts = locations.atoms
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
    let atoms = locations.atoms
    for atom in 0..<4 where atoms[atom] > 0 {
      let key = bracket.atoms[atom]
      if key >= bin.least && key <= bin.greatest { counts[key] = atoms[atom] }
    }
    return counts.sorted { $0.key > $1.key }.map { (key: $0.key, count: $0.value) }
  }

  /// Finds the tiles of the last of some equal keys that is kept.
  ///
  /// - Parameters:
  ///   - kept: how many of the keys are kept, at least 1.
  ///   - key: the key.
  /// - Returns: the tiles, and how many of the keys are kept in them; `nil` when the pass did not note
  ///   where they lie.
  func find(last kept: Int, of key: UInt64) -> (tiles: Range<Int>, kept: Int)? {
    let counts: [Int]
    if let atom = (0..<4).first(where: { bracket.atoms[$0] == key }) {
      counts = locations.entries.map { $0.atoms[atom] }
    } else {
      var start = 0
      counts = locations.entries.map { entry in
        defer { start += entry.collected }
        return keys[start..<start + entry.collected].count { $0 == key }
      }
    }
    return locations.find(kept, among: counts).map { (tiles: $0.tiles, kept: $0.number) }
  }
}
