/// In which tiles keys were found, in memory that does not grow with the number of tiles.
///
/// Of many tiles, ranges are counted instead of single ones: each of a power of two tiles, the first
/// of all at tile 0.
struct KeyLocations: Sendable {
  /// What was found in a range of tiles.
  struct Entry: Sendable {
    /// How many keys equal each atom.
    var atoms: SIMD4<Int>
    /// How many keys were collected.
    var collected: Int
    /// The number of the range.
    fileprivate(set) var range: Int
  }

  /// What was found, in the order in which it was noted; neighbours are of different ranges.
  private(set) var entries: [Entry] = []
  /// The logarithm of the number of tiles of a range.
  private var scale = 0

  /// The number of entries beyond which ranges become longer.
  static let mostEntries = 512

  /// The bytes that the entries take at most.
  static let byteCount = mostEntries * MemoryLayout<Entry>.stride

  /// How many keys equal each atom, in all tiles.
  var atoms: SIMD4<Int> { entries.reduce(into: SIMD4()) { $0 &+= $1.atoms } }

  /// Notes what was found in a tile.
  mutating func add(atoms: SIMD4<Int>, collected: Int, tile: Int) {
    guard collected > 0 || atoms != SIMD4() else { return }
    append(Entry(atoms: atoms, collected: collected, range: tile >> scale))
    if entries.count > Self.mostEntries { shorten() }
  }

  /// Notes what was found in other tiles.
  mutating func add(_ other: KeyLocations) {
    while scale < other.scale { lengthenRanges() }
    for var entry in other.entries {
      entry.range >>= scale - other.scale
      append(entry)
      if entries.count > Self.mostEntries { shorten() }
    }
  }

  private mutating func append(_ entry: Entry) {
    guard let last = entries.indices.last, entries[last].range == entry.range else {
      entries.append(entry)
      return
    }
    entries[last].atoms &+= entry.atoms
    entries[last].collected += entry.collected
  }

  /// Brings the number of entries well below the limit: by making those of a range one, where they
  /// were not noted one after the other, and by longer ranges.
  private mutating func shorten() {
    joinRanges()
    while entries.count > Self.mostEntries / 4 * 3 { lengthenRanges() }
  }

  /// Makes ranges twice as long.
  private mutating func lengthenRanges() {
    scale += 1
    for place in entries.indices { entries[place].range >>= 1 }
    joinRanges()
  }

  /// Makes one entry of those of a range.
  private mutating func joinRanges() {
    var before = entries
    // Collected keys lie in the order of the entries, so that only neighbours can become one.
    if before.allSatisfy({ $0.collected == 0 }) { before.sort { $0.range < $1.range } }
    entries.removeAll(keepingCapacity: true)
    for entry in before { append(entry) }
  }

  /// Finds the tiles of one of some keys, in the order of tiles.
  ///
  /// - Parameters:
  ///   - number: which of the keys it is, from 1.
  ///   - counts: how many of them each entry holds.
  /// - Returns: the tiles, and the number of the key among those in them; `nil` when there are not so
  ///   many keys.
  func find(_ number: Int, among counts: [Int]) -> (tiles: Range<Int>, number: Int)? {
    var sums: [Int: Int] = [:]
    for (entry, count) in zip(entries, counts) where count > 0 {
      sums[entry.range, default: 0] += count
    }
    var left = number
    for (range, count) in sums.sorted(by: { $0.key < $1.key }) {
      if left <= count { return (range << scale..<(range + 1) << scale, left) }
      left -= count
    }
    return nil
  }
}
