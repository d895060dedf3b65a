import SinterTensors
import Testing

@Suite struct MagnitudeSelectionTests {
  /// Which elements a stable sort by descending magnitude puts first.
  static func sorted<T: WorkingFloat>(_ values: [T], keeping kept: Int) -> [T] {
    let order = values.indices.sorted {
      (values[$1].magnitude, $0) < (values[$0].magnitude, $1)
    }
    var result = [T](repeating: 0, count: values.count)
    for i in order.prefix(kept) { result[i] = values[i] }
    return result
  }

  /// The same by selection over tiles that are seen in some order by two workers.
  static func selected<T: WorkingFloat>(
    _ values: [T], keeping kept: Int, tile size: Int, seed: UInt64
  ) -> [T] {
    var random = SplitMix64(seed: seed)
    let tiles = stride(from: 0, to: values.count, by: size).map {
      Array(values[$0..<min($0 + size, values.count)])
    }
    var selection = MagnitudeSelection(keeping: kept, of: values.count, as: T.self)
    var passes = 0
    while !selection.isComplete {
      var first = selection.makePass()
      var second = selection.makePass()
      for tile in tiles.indices.shuffled(using: &random) {
        let row = tiles[tile]
        if tile % 2 == 0 { first.add(row.span) } else { second.add(row.span) }
      }
      // Adding a histogram is slow in debug builds: only where there is something in it.
      if tiles.count > 1 { first.add(second) }
      selection.finish(first)
      passes += 1
    }
    #expect(passes <= (T.self == Float.self ? 2 : 4))
    let threshold = selection.threshold
    var ties = TieCounts(tiles: tiles.count)
    for tile in tiles.indices.shuffled(using: &random) {
      let row = tiles[tile]
      ties.add(threshold.tieCount(in: row.span), tile: tile)
    }
    let quotas = ties.quotas(for: threshold.ties)
    return tiles.indices.flatMap { index in
      var tile = tiles[index]
      var span = tile.mutableSpan
      threshold.apply(to: &span, ties: quotas[index])
      return tile
    }
  }

  static func expectSorted<T: WorkingFloat>(
    _ values: [T], keeping kept: Int, tile size: Int, seed: UInt64 = 0
  ) {
    let result = selected(values, keeping: kept, tile: size, seed: seed)
    if result != sorted(values, keeping: kept) {
      Issue.record("\(kept) of \(values) in tiles of \(size): \(result)")
    }
  }

  @Test func everyShortRowOfFewValues() {
    let choices: [Float] = [0, 1, -1, 1.0000001]
    for count in 0...4 {
      for code in 0..<(1 << (2 * count)) {
        let values = (0..<count).map { choices[code >> (2 * $0) & 3] }
        // Every number of kept elements takes its turn; all of them for short rows.
        for kept in count < 4 ? Array(0...count) : [code % 5] {
          Self.expectSorted(values, keeping: kept, tile: max(count, 1))
        }
      }
    }
  }

  @Test func noneAndAllTakeNoPass() {
    for count in [0, 1, 7] {
      for kept in [0, count] {
        let selection = MagnitudeSelection(keeping: kept, of: count, as: Double.self)
        #expect(selection.isComplete)
        #expect(selection.threshold.ties == (kept == 0 ? TieQuota.none : .all))
      }
    }
    let values: [Double] = [0, -0.0, .leastNonzeroMagnitude, 3, -.infinity]
    #expect(Self.selected(values, keeping: 0, tile: 2, seed: 1) == [0, 0, 0, 0, 0])
    #expect(Self.selected(values, keeping: 5, tile: 2, seed: 1) == values)
  }

  @Test func extremesAreOrdered() {
    func check<T: WorkingFloat>(_ type: T.Type) {
      let values: [T] = [
        0, -.leastNonzeroMagnitude, -0.0, .infinity, .greatestFiniteMagnitude,
        .leastNonzeroMagnitude * 2, -.leastNormalMagnitude, 1, (1 as T).nextUp, -.infinity,
        .leastNormalMagnitude.nextDown, -1, -(1 as T).nextDown, .leastNonzeroMagnitude,
      ]
      for kept in 0...values.count { Self.expectSorted(values, keeping: kept, tile: 5) }
    }
    check(Float.self)
    check(Double.self)
  }

  /// Values of BF16 with few magnitudes: nearly every threshold is shared.
  @Test(arguments: [1, 7, 64, 1_000])
  func massiveTiesInAnyTiles(size: Int) {
    var random = SplitMix64(seed: UInt64(size))
    let values = (0..<900).map { _ in
      Float(bitPattern: UInt32.random(in: 0x3f80...0x3f8a, using: &random) << 16)
        * (Bool.random(using: &random) ? 1 : -1)
    }
    for kept in [1, 90, 450, 451, 899] {
      Self.expectSorted(values, keeping: kept, tile: size, seed: 1)
      Self.expectSorted(values, keeping: kept, tile: size, seed: 2)
      Self.expectSorted(values.map { Double($0) }, keeping: kept, tile: size, seed: 3)
    }
  }

  @Test(arguments: [3, 100, 5_000])
  func randomNumbers(size: Int) {
    var random = SplitMix64(seed: UInt64(size))
    func check<T: WorkingFloat>(_ type: T.Type) {
      var values = (0..<1_500).map { _ in T(Double.random(in: -1...1, using: &random)) }
      values += (0..<500).map { _ in random.nextFinite(type) }
      values += values.prefix(200).map { -$0 }
      values += [T](repeating: 0, count: 300)
      for kept in [1, 200, 1_250, 2_199, 2_300] {
        Self.expectSorted(values, keeping: kept, tile: size, seed: 4)
      }
    }
    check(Float.self)
    check(Double.self)
  }

  @Test func aBucketKeptWholeEndsTheSelection() {
    // The two values differ in their first 16 bits: one pass tells them apart.
    let values: [Float] = [1, 4, 1, 4, 4]
    var selection = MagnitudeSelection(keeping: 3, of: 5, as: Float.self)
    var pass = selection.makePass()
    pass.add(values.span)
    selection.finish(pass)
    #expect(selection.isComplete)
    #expect(selection.threshold == MagnitudeThreshold(magnitude: 4, ties: .all))
  }

  @Test func aPassThatMissedATileIsRefused() async {
    await #expect(processExitsWith: .failure) {
      var selection = MagnitudeSelection(keeping: 1, of: 5, as: Float.self)
      var pass = selection.makePass()
      let values: [Float] = [1, 2]
      pass.add(values.span)
      selection.finish(pass)
    }
  }

  @Test(arguments: 1...6)
  func `more NaN than is kept gives a threshold of infinity`(kept: Int) {
    let values: [Double] = [.nan, 1, -.nan, .infinity, .nan, 2]
    var selection = MagnitudeSelection(keeping: kept, of: values.count, as: Double.self)
    while !selection.isComplete {
      var pass = selection.makePass()
      pass.add(values.span)
      selection.finish(pass)
    }
    var result = values
    var span = result.mutableSpan
    selection.threshold.apply(to: &span, ties: selection.threshold.ties)
    for i in [0, 2, 4] { #expect(result[i].isNaN) }
    if kept <= 4 { #expect(result[1] == 0 && result[5] == 0) }
    if kept >= 4 { #expect(result[3] == .infinity) }
  }

  @Test func `differences of 16-bit numbers take two passes`() {
    var random = SplitMix64(seed: 5)
    let values = (0..<4000).map { _ -> Double in
      let bits = [0, 1].map { _ in UInt32.random(in: 0x3C00...0x3D00, using: &random) << 16 }
      return Double(Float(bitPattern: bits[0])) - Double(Float(bitPattern: bits[1]))
    }
    for kept in [1, 700, 2000, 3999] {
      var selection = MagnitudeSelection(keeping: kept, of: values.count, as: Double.self)
      var passes = 0
      while !selection.isComplete {
        var pass = selection.makePass()
        pass.add(values.span)
        selection.finish(pass)
        passes += 1
      }
      #expect(passes <= 2)
      #expect(
        selection.threshold.magnitude == values.map(\.magnitude).sorted(by: >)[kept - 1])
    }
  }
}
