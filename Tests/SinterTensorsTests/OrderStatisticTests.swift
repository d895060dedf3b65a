import Testing

@testable import SinterTensors

@Suite struct OrderStatisticTests {
  /// The element of a rank by selection over tiles that two workers see in some order.
  static func selected(_ values: [Double], rank: Int, tile size: Int, seed: UInt64) -> Double {
    var random = SplitMix64(seed: seed)
    let tiles = MagnitudeSelectionTests.tiles(values, of: size)
    var selection = OrderStatistic(rank: rank, of: values.count)
    var passes = 0
    while !selection.isComplete {
      var workers = [selection.makePass(), selection.makePass()]
      for tile in tiles.indices.shuffled(using: &random) {
        let values = selection.samples ? Array(tiles[tile].prefix(40)) : tiles[tile]
        workers[tile % 2].add(values.span)
      }
      workers[0].add(workers[1])
      passes += selection.samples ? 0 : 1
      selection.finish(workers[0])
    }
    #expect(passes <= 2)
    return selection.value
  }

  static func expectSorted(
    _ values: [Double], ranks: [Int], tile size: Int, seed: UInt64 = 0
  ) {
    let sorted = values.sorted()
    for rank in ranks {
      let value = selected(values, rank: rank, tile: size, seed: seed)
      if value != sorted[rank] {
        Issue.record("rank \(rank) of \(values.prefix(50)) in tiles of \(size): \(value)")
      }
    }
  }

  @Test func everyShortRowOfFewValues() {
    let choices: [Double] = [0, 1, -1, -1.0000001]
    for count in 1...3 {
      for code in 0..<(1 << (2 * count)) {
        let values = (0..<count).map { choices[code >> (2 * $0) & 3] }
        Self.expectSorted(values, ranks: Array(values.indices), tile: count)
      }
    }
  }

  @Test func extremesAreOrdered() {
    let ascending: [Double] = [
      -.infinity, -.greatestFiniteMagnitude, -1, -1.0.nextDown, -.leastNormalMagnitude,
      -.leastNormalMagnitude.nextDown, -.leastNonzeroMagnitude, 0, .leastNonzeroMagnitude,
      .leastNonzeroMagnitude * 2, .leastNormalMagnitude, 1, 1.0.nextUp,
      .greatestFiniteMagnitude, .infinity,
    ]
    for rank in ascending.indices {
      let value = Self.selected(ascending.reversed(), rank: rank, tile: 4, seed: 1)
      #expect(value == ascending[rank])
    }
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
  }

  @Test(arguments: [3, 100, 5_000])
  func randomNumbers(size: Int) {
    var random = SplitMix64(seed: UInt64(size))
    var values = (0..<900).map { _ in Double.random(in: -1...1, using: &random) }
    values += (0..<300).map { _ in random.nextFinite(Double.self) }
    values += values.prefix(200).map { -$0 }
    values += [Double](repeating: 0, count: 100)
    Self.expectSorted(values, ranks: [0, 1, 374, 749, 1_124, 1_499], tile: size, seed: 4)
  }

  @Test func `many elements take a sample first`() {
    var random = SplitMix64(seed: 5)
    let values = (0..<50_000).map { _ in Double.random(in: -1...1, using: &random) }
    #expect(OrderStatistic(rank: 1, of: values.count).samples)
    Self.expectSorted(values, ranks: [0, 12_500, 25_000, 49_999], tile: 1000, seed: 6)
  }

  /// The first and the last patterns of NaN that is quiet and that signals, of both signs.
  static let patternsOfNaN: [UInt64] = [
    0x7FF0_0000_0000_0001, 0x7FF7_FFFF_FFFF_FFFF, 0x7FF8_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFE,
    0x7FFF_FFFF_FFFF_FFFF,
  ].flatMap { [$0, $0 | 1 << 63] }

  /// Infinity is the neighbour of NaN, and numbers that are equal are counted apart.
  @Test(arguments: patternsOfNaN)
  func `NaN of any pattern comes behind all numbers`(_ pattern: UInt64) {
    for numbers in [[], [1], [-.infinity, 0, .infinity], [3, 3, 3, -3]] as [[Double]] {
      for count in 1...5 {
        let values = [Double](repeating: Double(bitPattern: pattern), count: count) + numbers
        let sorted = numbers.sorted()
        for rank in values.indices {
          let value = Self.selected(values, rank: rank, tile: 3, seed: 1)
          #expect(rank < sorted.count ? value == sorted[rank] : value.isNaN)
        }
      }
    }
  }

  @Test(arguments: KernelLevel.available)
  func `many NaN of all patterns come behind all numbers`(_ level: KernelLevel) {
    var random = SplitMix64(seed: 7)
    let values = (0..<40_000).map { _ -> Double in
      if let pattern = Self.patternsOfNaN.randomElement(using: &random),
        Int.random(in: 0..<5, using: &random) == 0
      {
        return Double(bitPattern: pattern)
      }
      return Double(Int.random(in: -100...100, using: &random))
    }
    let sorted = values.filter { !$0.isNaN }.sorted()
    KernelLevel.with(level) {
      for rank in [0, 20_000, sorted.count - 1, sorted.count, 39_999] {
        let value = Self.selected(values, rank: rank, tile: 1000, seed: 8)
        #expect(rank < sorted.count ? value == sorted[rank] : value.isNaN)
      }
    }
  }

  @Test func aRankBeyondTheElementsIsRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = OrderStatistic(rank: 5, of: 5)
    }
  }

  @Test func aPassThatMissedATileIsRefused() async {
    await #expect(processExitsWith: .failure) {
      var selection = OrderStatistic(rank: 1, of: 5)
      var pass = selection.makePass()
      let values: [Double] = [1, 2]
      pass.add(values.span)
      selection.finish(pass)
    }
  }
}
