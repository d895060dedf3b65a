import Testing

@testable import SinterTensors

@Suite struct KeySampleTests {
  /// Magnitudes of few values and of many, of all exponents, patterns of any bits, and one alone.
  static func keys(_ content: Int, _ count: Int, _ random: inout SplitMix64) -> [UInt64] {
    (0..<count).map { _ in
      switch content {
      case 0: Double(Int.random(in: 0...5, using: &random)).bitPattern
      case 1: Double.random(in: 0...1, using: &random).bitPattern
      case 2: random.nextFinite(Double.self).magnitude.bitPattern
      case 3: random.next()
      case 4: UInt64.max - UInt64.random(in: 0...2, using: &random)
      case 5: Bool.random(using: &random) ? 0 : Double.nan.bitPattern
      default: 0
      }
    }
  }

  @Test(arguments: 0..<7, [1, 2, 50, 3_000])
  func `keys of ranks are those of sorted keys`(content: Int, count: Int) {
    var random = SplitMix64(seed: UInt64(content))
    let keys = Self.keys(content, count, &random)
    let sorted = keys.sorted()
    let sample = KeySample(keys[...])
    for round in 0..<40 {
      let ranks = (0..<2).map { _ in Int.random(in: 0..<count, using: &random) }.sorted()
      let (first, last) = round == 0 ? (0, count - 1) : (ranks[0], ranks[1])
      #expect(sample.key(ofRank: first) == sorted[first])
      let found = sample.keys(ofRanks: first...last)
      #expect(found.low == sorted[first] && found.high == sorted[last])
      let expected = sorted.filter { $0 >= sorted[first] && $0 <= sorted[last] }
      #expect(found.between.sorted() == expected)
    }
  }
}
