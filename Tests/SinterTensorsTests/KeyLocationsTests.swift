import Testing

@testable import SinterTensors

@Suite struct KeyLocationsTests {
  /// What was noted of a tile: keys equal to the first and to the last atom, and collected ones.
  private struct Note {
    let tile: Int
    let first: Int
    let last: Int
    let collected: Int

    var atoms: SIMD4<Int> { SIMD4(first, 0, 0, last) }
  }

  private func notes(_ count: Int, _ random: inout SplitMix64) -> [Note] {
    (0..<count).map { tile in
      Note(
        tile: 3 * tile, first: Int.random(in: 0...2, using: &random),
        last: tile % 50 == 0 ? Int.random(in: 0...9, using: &random) : 0, collected: 0)
    }
  }

  /// Notes by several workers, each of which has runs of tiles, which are added up in some order.
  private func locations(_ notes: [Note], run: Int, shuffled random: inout SplitMix64?)
    -> KeyLocations
  {
    var starts = Array(stride(from: 0, to: notes.count, by: run))
    if var generator = random {
      starts.shuffle(using: &generator)
      random = generator
    }
    var all = KeyLocations()
    for start in starts {
      var partial = KeyLocations()
      for note in notes[start..<min(start + run, notes.count)] {
        partial.add(atoms: note.atoms, collected: note.collected, tile: note.tile)
        #expect(partial.entries.count <= KeyLocations.mostEntries)
      }
      all.add(partial)
      #expect(all.entries.count <= KeyLocations.mostEntries)
    }
    return all
  }

  @Test(arguments: [1, 7, 512, 513, 3000], [1, 100, 2000])
  func `each key is found in the tiles that hold it, in any order`(count: Int, run: Int) throws {
    var random = SplitMix64(seed: UInt64(count * run))
    let notes = notes(count, &random)
    for isShuffled in [false, true] {
      var order = isShuffled ? SplitMix64(seed: 1) : nil
      let locations = locations(notes, run: run, shuffled: &order)
      for (atom, held) in [(0, notes.map(\.first)), (3, notes.map(\.last))] {
        #expect(locations.atoms[atom] == held.reduce(0, +))
        let counts = locations.entries.map { $0.atoms[atom] }
        var number = 0
        var before = [0]
        for count in held { before.append(before[before.count - 1] + count) }
        for (place, count) in held.enumerated() where count > 0 {
          number += count
          guard place % 13 == 0 || place > held.count - 20 else { continue }
          let found = try #require(locations.find(number, among: counts))
          #expect(found.tiles.contains(notes[place].tile))
          #expect(found.number == number - before[(found.tiles.lowerBound + 2) / 3])
        }
        #expect(locations.find(number + 1, among: counts) == nil)
      }
    }
  }

  @Test func `up to 512 tiles are told apart`() {
    var locations = KeyLocations()
    for tile in 0..<512 { locations.add(atoms: SIMD4(1, 0, 0, 0), collected: 0, tile: 1000 * tile) }
    let counts = locations.entries.map { $0.atoms[0] }
    for tile in 0..<512 {
      #expect(locations.find(tile + 1, among: counts)?.tiles == 1000 * tile..<1000 * tile + 1)
    }
    locations.add(atoms: SIMD4(1, 0, 0, 0), collected: 0, tile: 511_001)
    #expect(locations.entries.count == 250)
  }

  /// Collected keys are taken from the entries one after the other.
  @Test func `what was collected keeps its order`() {
    var locations = KeyLocations()
    var order: [Int] = []
    for place in 0..<2000 {
      let tile = place % 2 == 0 ? place : 4000 - place
      locations.add(atoms: SIMD4(), collected: 2, tile: tile)
      order += [tile, tile]
    }
    #expect(locations.entries.count <= KeyLocations.mostEntries)
    #expect(locations.entries.reduce(0) { $0 + $1.collected } == order.count)
    var start = 0
    var counts: [Int] = []
    for entry in locations.entries {
      counts.append(order[start..<start + entry.collected].count { $0 == 3001 })
      start += entry.collected
    }
    #expect(locations.find(2, among: counts)?.tiles.contains(3001) == true)
  }

  @Test func `tiles that hold nothing are not noted`() {
    var locations = KeyLocations()
    locations.add(atoms: SIMD4(), collected: 0, tile: 9)
    #expect(locations.entries.isEmpty)
    #expect(locations.find(1, among: []) == nil)
  }
}
