import SinterTensors
import Testing

@Suite struct OrderStatisticTests {
  /// The element of a rank by selection over tiles that two workers see in some order.
  static func selected<T: WorkingFloat>(
    _ values: [T], rank: Int, tile size: Int, seed: UInt64
  ) -> Double {
    var random = SplitMix64(seed: seed)
    let tiles = stride(from: 0, to: values.count, by: size).map {
      Array(values[$0..<min($0 + size, values.count)])
    }
    var selection = OrderStatistic(rank: rank, of: values.count, as: T.self)
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
    return selection.value
  }

  static func expectSorted<T: WorkingFloat>(
    _ values: [T], ranks: [Int], tile size: Int, seed: UInt64 = 0
  ) {
    let sorted = values.sorted()
    for rank in ranks {
      let value = selected(values, rank: rank, tile: size, seed: seed)
      if value != Double(sorted[rank]) {
        Issue.record("rank \(rank) of \(values) in tiles of \(size): \(value)")
      }
    }
  }

  @Test func everyShortRowOfFewValues() {
    let choices: [Float] = [0, 1, -1, -1.0000001]
    for count in 1...3 {
      for code in 0..<(1 << (2 * count)) {
        let values = (0..<count).map { choices[code >> (2 * $0) & 3] }
        Self.expectSorted(values, ranks: Array(values.indices), tile: count)
      }
    }
  }

  @Test func extremesAreOrdered() {
    func check<T: WorkingFloat>(_ type: T.Type) {
      let ascending: [T] = [
        -.infinity, -.greatestFiniteMagnitude, -1, -(1 as T).nextDown, -.leastNormalMagnitude,
        -.leastNormalMagnitude.nextDown, -.leastNonzeroMagnitude, 0, .leastNonzeroMagnitude,
        .leastNonzeroMagnitude * 2, .leastNormalMagnitude, 1, (1 as T).nextUp,
        .greatestFiniteMagnitude, .infinity,
      ]
      for rank in ascending.indices {
        let value = Self.selected(ascending.reversed(), rank: rank, tile: 4, seed: 1)
        #expect(value == Double(ascending[rank]))
      }
    }
    check(Float.self)
    check(Double.self)
  }

  @Test func zerosAreEqualAndComeBackWithoutASign() {
    let values: [Double] = [-0.0, 0, -0.0, 1, -1]
    for rank in 1...3 {
      let value = Self.selected(values, rank: rank, tile: 2, seed: 0)
      #expect(value == 0 && value.sign == .plus)
    }
  }

  @Test(arguments: [1, 7, 1_000])
  func massiveTiesInAnyTiles(size: Int) {
    var random = SplitMix64(seed: UInt64(size))
    let values = (0..<500).map { _ in Double(Int.random(in: -5...5, using: &random)) / 3 }
    Self.expectSorted(values, ranks: [0, 1, 125, 250, 499], tile: size, seed: 2)
    Self.expectSorted(values.map { Float($0) }, ranks: [0, 124, 374, 499], tile: size, seed: 3)
  }

  @Test(arguments: [3, 100, 5_000])
  func randomNumbers(size: Int) {
    var random = SplitMix64(seed: UInt64(size))
    func check<T: WorkingFloat>(_ type: T.Type) {
      var values = (0..<900).map { _ in T(Double.random(in: -1...1, using: &random)) }
      values += (0..<300).map { _ in random.nextFinite(type) }
      values += values.prefix(200).map { -$0 }
      values += [T](repeating: 0, count: 100)
      Self.expectSorted(values, ranks: [0, 1, 374, 749, 1_124, 1_499], tile: size, seed: 4)
    }
    check(Float.self)
    check(Double.self)
  }

  @Test func aRankBeyondTheElementsIsRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = OrderStatistic(rank: 5, of: 5, as: Double.self)
    }
  }

  @Test func aPassThatMissedATileIsRefused() async {
    await #expect(processExitsWith: .failure) {
      var selection = OrderStatistic(rank: 1, of: 5, as: Double.self)
      var pass = selection.makePass()
      let values: [Double] = [1, 2]
      pass.add(values.span)
      selection.finish(pass)
    }
  }
}
