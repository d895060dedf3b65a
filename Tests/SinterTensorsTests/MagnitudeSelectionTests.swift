import Testing

@testable import SinterTensors

@Suite struct MagnitudeSelectionTests {
  /// Which elements a stable sort by descending magnitude puts first.
  static func sorted(_ values: [Double], keeping kept: Int) -> [Double] {
    let order = values.indices.sorted {
      (values[$1].magnitude, $0) < (values[$0].magnitude, $1)
    }
    var result = [Double](repeating: 0, count: values.count)
    for i in order.prefix(kept) { result[i] = values[i] }
    return result
  }

  /// Lets two workers see tiles in some order until a selection is complete. Where it asks for some
  /// tiles, they see these, or all nevertheless.
  ///
  /// - Returns: the number of passes over all elements that were asked for.
  static func complete(
    _ selection: inout MagnitudeSelection, _ tiles: [[Double]], _ random: inout SplitMix64
  ) -> Int {
    var passes = 0
    while !selection.isComplete {
      var workers = [selection.makePass(), selection.makePass()]
      // Of a sample, every third piece of 50.
      let samples = selection.samples
      let wanted = selection.tiles
      let looksAtAll = Bool.random(using: &random)
      for tile in tiles.indices.shuffled(using: &random) {
        if let wanted, !looksAtAll, !wanted.contains(tile) { continue }
        let values = tiles[tile]
        guard samples else {
          workers[tile % 2].add(values.span, tile: tile)
          continue
        }
        for start in stride(from: 0, to: values.count - 49, by: 150) {
          let piece = Array(values[start..<start + 50])
          workers[tile % 2].add(piece.span, tile: tile)
        }
      }
      workers[0].add(workers[1])
      selection.finish(workers[0])
      passes += samples || wanted != nil ? 0 : 1
    }
    return passes
  }

  static func tiles(_ values: [Double], of size: Int) -> [[Double]] {
    stride(from: 0, to: values.count, by: size).map {
      Array(values[$0..<min($0 + size, values.count)])
    }
  }

  static func expectSorted(
    _ values: [Double], keeping kept: Int, tile size: Int, seed: UInt64 = 0, passes: Int = 1
  ) {
    var random = SplitMix64(seed: seed)
    let tiles = tiles(values, of: size)
    var selection = MagnitudeSelection(keeping: kept, of: values.count)
    let taken = complete(&selection, tiles, &random)
    if taken > passes { Issue.record("\(taken) passes, not \(passes)") }
    var result: [Double] = []
    var rest: [Double] = []
    for index in tiles.indices {
      var (tile, left) = (tiles[index], tiles[index])
      var span = tile.mutableSpan
      selection.keep(&span, tile: index)
      var other = left.mutableSpan
      selection.remove(&other, tile: index)
      result += tile
      rest += left
    }
    let expected = sorted(values, keeping: kept)
    if result != expected || zip(result, rest).map({ $0 + $1 }) != values {
      Issue.record("\(kept) of \(values.prefix(50)) in tiles of \(size): \(result.prefix(50))")
    }
  }

  @Test func everyShortRowOfFewValues() {
    let choices: [Double] = [0, 1, -1, 1.0000001]
    for count in 0...4 {
      for code in 0..<(1 << (2 * count)) {
        let values = (0..<count).map { choices[code >> (2 * $0) & 3] }
        for kept in 0...count {
          for size in 1...max(count, 1) { Self.expectSorted(values, keeping: kept, tile: size) }
        }
      }
    }
  }

  @Test func noneAndAllTakeNoPass() {
    for count in [0, 1, 7, 100_000] {
      for kept in [0, count] {
        let selection = MagnitudeSelection(keeping: kept, of: count)
        #expect(selection.isComplete)
        #expect(selection.threshold == (kept == 0 ? .infinity : 0))
      }
    }
    let values: [Double] = [0, -0.0, .leastNonzeroMagnitude, 3, -.infinity]
    Self.expectSorted(values, keeping: 0, tile: 2)
    Self.expectSorted(values, keeping: 5, tile: 2)
  }

  @Test func extremesAreOrdered() {
    let values: [Double] = [
      0, -.leastNonzeroMagnitude, -0.0, .infinity, .greatestFiniteMagnitude,
      .leastNonzeroMagnitude * 2, -.leastNormalMagnitude, 1, 1.0.nextUp, -.infinity,
      .leastNormalMagnitude.nextDown, -1, -1.0.nextDown, .leastNonzeroMagnitude,
    ]
    for kept in 0...values.count { Self.expectSorted(values, keeping: kept, tile: 5) }
  }

  /// Values of BF16 with few magnitudes: nearly every threshold is shared.
  @Test(arguments: [1, 7, 64, 1_000])
  func massiveTiesInAnyTiles(size: Int) {
    var random = SplitMix64(seed: UInt64(size))
    let values = (0..<900).map { _ in
      Double(Float(bitPattern: UInt32.random(in: 0x3f80...0x3f8a, using: &random) << 16))
        * (Bool.random(using: &random) ? 1 : -1)
    }
    for kept in [1, 90, 450, 451, 899] {
      Self.expectSorted(values, keeping: kept, tile: size, seed: 1)
      Self.expectSorted(values, keeping: kept, tile: size, seed: 2)
    }
  }

  /// So many tiles that their ties are counted in ranges: with a sample and atoms, with all bins, and
  /// with keys that are collected.
  @Test(arguments: [1, 4, 60])
  func `ties in very many tiles are cut at the lowest index`(size: Int) {
    var random = SplitMix64(seed: UInt64(size))
    let few: [Double] = [0, 1, 1.5, -1.5, 2, -3]
    let values = (0..<2000 * size).map { _ in few.randomElement(using: &random) ?? 0 }
    for kept in [1, values.count / 3, values.count / 2, values.count - 400 * size] {
      Self.expectSorted(values, keeping: kept, tile: size, seed: 1, passes: 2)
    }
    let constant = [Double](repeating: -3, count: values.count)
    for kept in [1, 1001 * size, values.count - 1] {
      Self.expectSorted(constant, keeping: kept, tile: size, seed: 2, passes: 2)
    }
  }

  @Test func `few ties among many collected keys are cut at the lowest index`() {
    var random = SplitMix64(seed: 4)
    let values = (0..<120_000).map { i in
      i % 9001 == 5 ? -0.5 : Double.random(in: -1...1, using: &random)
    }
    let above = values.count { $0.magnitude > 0.5 }
    for kept in [above + 1, above + 7, above + 13] {
      Self.expectSorted(values, keeping: kept, tile: 60, seed: 5, passes: 2)
    }
  }

  @Test func `ties in very many tiles take one pass over few of them`() {
    var random = SplitMix64(seed: 3)
    var selection = MagnitudeSelection(keeping: 12_345, of: 40_000, samples: false)
    let tile = [Double](repeating: 2, count: 10)
    var looked: [Int] = []
    while !selection.isComplete {
      let tiles = (selection.tiles ?? 0..<4000).shuffled(using: &random)
      var pass = selection.makePass()
      for number in tiles { pass.add(tile.span, tile: number) }
      looked.append(tiles.count)
      selection.finish(pass)
    }
    #expect(looked.last.map { $0 <= 16 } == true)
    #expect(looked.count { $0 == 4000 } == looked.count - 1)
    let kept = (0..<4000).map { number in
      var row = tile
      var span = row.mutableSpan
      selection.keep(&span, tile: number)
      return row.count { $0 != 0 }
    }
    #expect(
      kept == Array(repeating: 10, count: 1234) + [5] + Array(repeating: 0, count: 2765))
  }

  @Test(arguments: [3, 100, 5_000])
  func randomNumbers(size: Int) {
    var random = SplitMix64(seed: UInt64(size))
    var values = (0..<1_500).map { _ in Double.random(in: -1...1, using: &random) }
    values += (0..<500).map { _ in random.nextFinite(Double.self) }
    values += values.prefix(200).map { -$0 }
    values += [Double](repeating: 0, count: 300)
    for kept in [1, 200, 1_250, 2_199, 2_300] {
      Self.expectSorted(values, keeping: kept, tile: size, seed: 4)
    }
  }

  @Test func `differences of 16-bit numbers take a sample and at most two passes`() {
    var random = SplitMix64(seed: 5)
    let values = (0..<40_000).map { _ -> Double in
      let bits = [0, 1].map { _ in UInt32.random(in: 0x3C00...0x3D00, using: &random) << 16 }
      return Double(Float(bitPattern: bits[0])) - Double(Float(bitPattern: bits[1]))
    }
    for kept in [1, 7_000, 20_000, 39_999] {
      Self.expectSorted(values, keeping: kept, tile: 4096, seed: 6, passes: 2)
    }
  }

  @Test func `many different magnitudes take a sample and two passes`() {
    var random = SplitMix64(seed: 7)
    let values = (0..<60_000).map { _ in Double.random(in: -1...1, using: &random) }
    for kept in [1, 600, 30_000, 59_999] {
      Self.expectSorted(values, keeping: kept, tile: 4096, seed: 8, passes: 2)
    }
  }

  @Test func `a sample that is unlike the rest costs passes, not exactness`() {
    // The sampled pieces of every tile are small numbers, the others large ones.
    var random = SplitMix64(seed: 9)
    let values = (0..<40_000).map { i in
      Double.random(in: 1...2, using: &random) * (i % 4096 % 150 < 50 ? 1e-9 : 1)
    }
    for kept in [1, 10_000, 20_000, 39_000] {
      Self.expectSorted(values, keeping: kept, tile: 4096, seed: 10, passes: 7)
    }
    let constant = [Double](repeating: -3, count: 40_000)
    for kept in [1, 20_000, 39_999] {
      Self.expectSorted(constant, keeping: kept, tile: 1000, seed: 11, passes: 1)
    }
  }

  @Test(arguments: [0, 0.25, 0.5, 0.999, 1])
  func `a share of what is not zero`(share: Double) {
    var random = SplitMix64(seed: 12)
    for count in [300, 30_000] {
      let values = (0..<count).map { i in
        i % 3 == 0 ? 0 : Double(Int.random(in: -50...50, using: &random))
      }
      let kept = Int(share * Double(values.count { $0 != 0 }))
      let tiles = Self.tiles(values, of: 512)
      var selection = MagnitudeSelection(keepingShareOfNonzero: share, of: count)
      _ = Self.complete(&selection, tiles, &random)
      #expect(selection.keptCount == kept)
      let result = tiles.enumerated().flatMap { index, tile in
        var tile = tile
        var span = tile.mutableSpan
        selection.keep(&span, tile: index)
        return tile
      }
      #expect(result == Self.sorted(values, keeping: kept))
    }
  }

  @Test func aPassThatMissedATileIsRefused() async {
    await #expect(processExitsWith: .failure) {
      var selection = MagnitudeSelection(keeping: 1, of: 5)
      var pass = selection.makePass()
      let values: [Double] = [1, 2]
      pass.add(values.span, tile: 0)
      selection.finish(pass)
    }
  }

  @Test(arguments: 1...6)
  func `more NaN than is kept gives a threshold of infinity`(kept: Int) {
    let values: [Double] = [.nan, 1, -.nan, .infinity, .nan, 2]
    var selection = MagnitudeSelection(keeping: kept, of: values.count)
    while !selection.isComplete {
      var pass = selection.makePass()
      pass.add(values.span, tile: 0)
      selection.finish(pass)
    }
    var result = values
    var span = result.mutableSpan
    selection.keep(&span, tile: 0)
    for i in [0, 2, 4] { #expect(result[i].isNaN) }
    if kept <= 4 { #expect(result[1] == 0 && result[5] == 0) }
    if kept >= 4 { #expect(result[3] == .infinity) }
  }

  /// The keys within a bracket, and how many lie above, are zero and equal each atom.
  static func counts(
    _ keys: [UInt64], _ bracket: KeyBracket
  ) -> (inside: [UInt64], above: Int, zeros: Int, atoms: [Int]) {
    let atoms = (0..<4).map { bracket.atoms[$0] }
    return (
      keys.filter { $0 >= bracket.low && $0 <= bracket.high && !atoms.contains($0) },
      keys.count { $0 > bracket.high }, keys.count { $0 == 0 },
      atoms.map { atom in keys.count { $0 == atom } }
    )
  }

  /// Numbers of eight significant bits have nothing in the lower half of their keys; one that has
  /// more can stand anywhere among them, and so can the bounds and the atoms.
  @Test(arguments: KernelLevel.available)
  func `short and long keys are told apart`(_ level: KernelLevel) {
    var random = SplitMix64(seed: 21)
    for round in 0..<300 {
      let count = [0, 1, 15, 16, 17, 64, 250][round % 7]
      var values = (0..<count).map { _ in Double(Int.random(in: -255...255, using: &random)) / 64 }
      let longPlaces = round % 3 == 0 ? 0 : Int.random(in: 0...2, using: &random)
      for _ in 0..<(count == 0 ? 0 : longPlaces) {
        let place = Int.random(in: 0..<count, using: &random)
        values[place] = [0.1, -2.3, 1 + .ulpOfOne, .nan].randomElement(using: &random) ?? 0
      }
      let base = (0..<count).map { _ in
        round % 2 == 0 ? 0 : Double(Int.random(in: -3...3, using: &random)) / 4
      }
      let changes = zip(values, base).map { $0 - $1 }
      let keys = changes.map(\.magnitude.bitPattern)
      let bounds = [0.25, 0.3, 0.5, 1, 1.7, 2, 3.9].map(\.bitPattern)
      let low = bounds.randomElement(using: &random) ?? 0
      let high = max(low, bounds.randomElement(using: &random) ?? 0)
      let atoms = keys.filter { $0 >= low && $0 <= high && !Double(bitPattern: $0).isNaN }
      let used = Array(Set(atoms)).sorted().prefix(round % 6)
      let bracket = KeyBracket(low: low, high: high, atoms: Array(used))
      let expected = Self.counts(keys, bracket)
      var room = [UInt64](repeating: 0, count: count)
      KernelLevel.with(level) {
        var span = room.mutableSpan
        let found: Kernels.SelectedKeys
        if round % 4 == 0 {
          found = Kernels.selectKeys(
            changes.span, minus: nil, mask: ~(1 << 63), bracket, into: &span)
        } else {
          found = Kernels.selectKeys(
            values.span, minus: base.span, mask: ~(1 << 63), bracket, into: &span)
        }
        #expect(found.above == expected.above && found.zeros == expected.zeros)
        #expect((0..<4).map { found.atoms[$0] } == expected.atoms)
        #expect(found.inside == expected.inside.count)
      }
      #expect(Array(room.prefix(expected.inside.count)) == expected.inside)
    }
  }

  /// Ties, a bracket that holds everything, and one that is empty, all of them in pairs.
  @Test(arguments: KernelLevel.available, [0, 7, 16, 100, 4_096, 9_001])
  func `two brackets at once find what each finds alone`(_ level: KernelLevel, count: Int) {
    var random = SplitMix64(seed: 22)
    for hasLong in [false, true] {
      var values = (0..<count).map { _ in
        Double(Int.random(in: -255...255, using: &random)) / 64
      }
      if hasLong, count > 0 { values[count / 2] = 0.1 }
      let keys = values.map(\.magnitude.bitPattern)
      let (half, one, two) = (0.5.bitPattern, 1.0.bitPattern, 2.0.bitPattern)
      let brackets = [
        KeyBracket(low: 0, high: .max), KeyBracket(low: one, high: one, atoms: [one]),
        KeyBracket(low: half + 1, high: two, atoms: [one, one + 1 << 44, one + 2 << 44, two]),
        KeyBracket(low: 1, high: one, atoms: [half]),
      ]
      for first in brackets {
        for second in brackets {
          var rooms = [[UInt64]](repeating: Array(repeating: 5, count: count + 3), count: 2)
          let found = KernelLevel.with(level) {
            var one = rooms[0]
            var other = rooms[1]
            defer { rooms = [one, other] }
            var span = one.mutableSpan
            var otherSpan = other.mutableSpan
            return Kernels.selectKeys(
              values.span, minus: nil, mask: ~(1 << 63), first, into: &span, from: 3, second,
              into: &otherSpan, from: 0)
          }
          for (found, (bracket, start)) in zip([found.0, found.1], [(first, 3), (second, 0)]) {
            let expected = Self.counts(keys, bracket)
            #expect(found.above == expected.above && found.zeros == expected.zeros)
            #expect((0..<4).map { found.atoms[$0] } == expected.atoms)
            #expect(found.inside == expected.inside.count)
            #expect(
              Array(rooms[start == 3 ? 0 : 1].dropFirst(start).prefix(found.inside))
                == expected.inside)
          }
        }
      }
    }
  }

  @Test(arguments: KernelLevel.available)
  func `a base is subtracted before elements are counted and kept`(_ level: KernelLevel) {
    var random = SplitMix64(seed: 22)
    let values = (0..<4100).map { _ in Double.random(in: -1...1, using: &random) }
    let base = values.map { $0 - Double(Int.random(in: -20...20, using: &random)) / 8 }
    let changes = zip(values, base).map { $0 - $1 }
    KernelLevel.with(level) {
      // Some keep a whole set of equals, most cut one.
      for kept in [0, 1, 99, 1000, 2050, 4000, 4100] {
        var selection = MagnitudeSelection(keeping: kept, of: values.count)
        while !selection.isComplete {
          var pass = selection.makePass()
          pass.add(values.span, minus: base.span, tile: 0)
          selection.finish(pass)
        }
        var row = values
        var span = row.mutableSpan
        selection.keep(&span, minus: base.span, tile: 0)
        #expect(row == Self.sorted(changes, keeping: kept))
      }
    }
  }

  @Test func `kernels agree at every level`() {
    var random = SplitMix64(seed: 13)
    let special: [Double] = [
      0, -0.0, 1, -1, 2, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, 1e308,
    ]
    for count in Array(0...70) + [4096] {
      let values = (0..<count).map { _ in
        Bool.random(using: &random)
          ? special.randomElement(using: &random) ?? 0
          : Double.random(in: -2...2, using: &random)
      }
      var results: [[UInt64]] = []
      let (low, high) = ((0.5 as Double).bitPattern, (1.5 as Double).bitPattern)
      let atoms = [(1 as Double).bitPattern, (0.75 as Double).bitPattern]
      for level in KernelLevel.available {
        KernelLevel.with(level) {
          var pass = KeyPass(
            .counting(
              KeyBracket(low: low, high: high, atoms: atoms)))
          pass.add(values.span, mask: ~(1 << 63), tile: 0)
          var collected = KeyPass(
            .collecting(KeyBracket(low: low, high: high)))
          collected.add(values.span, mask: ~(1 << 63), tile: 3)
          let bins = pass.allBins().flatMap { [UInt64($0.count), $0.least, $0.greatest] }
          results.append(
            bins + [UInt64(pass.above), UInt64(pass.zeros)] + collected.keys
              + [UInt64(collected.above)])
        }
      }
      #expect(Set(results).count == 1)
      // The same, number by number.
      let magnitudes = values.map(\.magnitude)
      let inside = magnitudes.filter { $0 >= 0.5 && $0 <= 1.5 }.map(\.bitPattern)
      #expect(results[0].suffix(inside.count + 1).dropLast() == inside[...])
      let above = magnitudes.count { !($0 <= 1.5) }
      #expect(results[0].last == UInt64(above))
    }
  }
}
