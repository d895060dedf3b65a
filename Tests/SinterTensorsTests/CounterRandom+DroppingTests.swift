import SinterTensors
import Testing

@Suite struct CounterRandomDroppingTests {
  private static func dropped(
    _ values: [Double], _ random: CounterRandom, from index: Int, _ threshold: UInt64
  ) -> [Double] {
    let results = KernelLevel.available.map { level in
      var values = values
      KernelLevel.with(level) {
        var span = values.mutableSpan
        random.drop(&span, from: index, keepingBelow: threshold)
      }
      return values.map(\.bitPattern)
    }
    for result in results { #expect(result == results[0]) }
    return results[0].map { Double(bitPattern: $0) }
  }

  @Test(arguments: Array(0...70) + [1_021, 2_048])
  func `each element is kept as its own bits say`(count: Int) {
    let random = CounterRandom(seed: 7, stream: 9)
    let values = (0..<count).map { Double($0 + 1) }
    for index in [0, 1, 6, 65_536, 1 << 33] {
      for density in [0, 0.1, 0.5, 0.999, 1] {
        let threshold = CounterRandom.threshold(for: density)
        let expected = values.enumerated().map { i, value in
          UInt64(random.uniform32(at: index + i)) < threshold ? value : 0
        }
        #expect(Self.dropped(values, random, from: index, threshold) == expected)
      }
    }
  }

  @Test func `a row may be cut anywhere`() {
    let random = CounterRandom(seed: 1, stream: 2)
    let threshold = CounterRandom.threshold(for: 0.4)
    let values = [Double](repeating: 1, count: 4099)
    let whole = Self.dropped(values, random, from: 10, threshold)
    for cut in [1, 2, 3, 2048, 4098] {
      let left = Self.dropped(Array(values[..<cut]), random, from: 10, threshold)
      let right = Self.dropped(Array(values[cut...]), random, from: 10 + cut, threshold)
      #expect(left + right == whole)
    }
  }

  @Test func `probability one keeps all and zero none, NaN included`() {
    let random = CounterRandom(seed: 1, stream: 2)
    let all = Self.dropped([.nan, 1, -0.0], random, from: 0, CounterRandom.threshold(for: 1))
    #expect(all[0].isNaN && all[1] == 1)
    #expect(
      Self.dropped([.nan, 1, .infinity], random, from: 0, CounterRandom.threshold(for: 0))
        == [0, 0, 0])
  }

  @Test(arguments: Array(0...70) + [130, 1_021, 2_048])
  func `differences are dropped, and summed, like the rows that hold them`(count: Int) {
    let random = CounterRandom(seed: 7, stream: 9)
    let values = (0..<count).map { (Double($0) - 30.5) * 0.1 }
    let base = (0..<count).map { Double($0 % 7) }
    let differences = zip(values, base).map { $0 - $1 }
    for index in [0, 1, 2, 3, 1 << 33] {
      for density in [0, 0.3, 1] {
        let threshold = CounterRandom.threshold(for: density)
        let expected = Self.dropped(differences, random, from: index, threshold)
        let sums = [differences, expected].map { Reduction.sumOfAbsolutes($0.span) }
        for level in KernelLevel.available {
          var row = values
          KernelLevel.with(level) {
            let (all, kept) = random.sumsOfAbsolutes(
              row.span, minus: base.span, from: index, keepingBelow: threshold)
            #expect([all, kept] == sums)
            var span = row.mutableSpan
            random.drop(&span, minus: base.span, from: index, keepingBelow: threshold)
          }
          #expect(row == expected)
        }
      }
    }
  }
}
