import SinterTensors
import Testing

@Suite struct MagnitudeRankingTests {
  private func order(_ values: [Double], from start: Int = 0, by stride: Int = 1, count: Int)
    -> [Int]
  {
    var ranking = MagnitudeRanking()
    ranking.rank(values.span, from: start, by: stride, count: count)
    return (0..<ranking.count).map { ranking[$0] }
  }

  private func expected(_ values: [Double]) -> [Int] {
    values.indices.sorted {
      (~(values[$0].magnitude.bitPattern), $0) < (~(values[$1].magnitude.bitPattern), $1)
    }
  }

  @Test func `every length up to two hundred is ranked as a sort ranks it`() {
    var random = SplitMix64(seed: 1)
    for count in 0...200 {
      let values = (0..<count).map { _ in Double.random(in: -1...1, using: &random) }
      #expect(order(values, count: count) == expected(values))
    }
  }

  @Test(arguments: [1, 2, 3, 1000])
  func `of equal magnitudes the lowest index comes first`(distinct: Int) {
    var random = SplitMix64(seed: 2)
    for count in [5, 47, 48, 49, 5000] {
      let values = (0..<count).map { _ in
        Double(Int(random.next() % UInt64(distinct))) * (random.next() % 2 == 0 ? 1 : -1)
      }
      #expect(order(values, count: count) == expected(values))
    }
  }

  @Test func `all magnitudes of Double have their place`() {
    var random = SplitMix64(seed: 3)
    let special: [Double] = [
      .infinity, -.infinity, .nan, 0, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
      .leastNormalMagnitude, -1, 1,
    ]
    let values = special + (0..<500).map { _ in Double(bitPattern: random.next()) } + special
    #expect(order(values, count: values.count) == expected(values))
    #expect(order(special, count: special.count) == expected(special))
  }

  @Test func `elements may lie apart`() {
    var random = SplitMix64(seed: 4)
    let values = (0..<700).map { _ in Double.random(in: -1...1, using: &random) }
    for (start, stride, count) in [(0, 7, 100), (3, 7, 99), (699, 1, 1), (5, 30, 20)] {
      let vector = (0..<count).map { values[start + $0 * stride] }
      #expect(order(values, from: start, by: stride, count: count) == expected(vector))
    }
  }

  @Test func `one value serves vectors of any length, one after another`() {
    var random = SplitMix64(seed: 5)
    var ranking = MagnitudeRanking()
    for count in [300, 3, 0, 100, 900, 48, 900] {
      let values = (0..<count).map { _ in Double.random(in: -1...1, using: &random) }
      ranking.rank(values.span, from: 0, by: 1, count: count)
      #expect((0..<count).map { ranking[$0] } == expected(values))
    }
  }
}
