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
          KernelLevel.with(level) {
            // Marks before and behind those of the row stay as they are.
            let place = 3
            var marks = [UInt16](repeating: 0x5A5A, count: RowArithmetic.markCount(count) + 5)
            var span = marks.mutableSpan
            let (all, kept) = random.sumsOfAbsolutes(
              values.span, minus: base.span, from: index, keepingBelow: threshold, marking: &span,
              from: place)
            #expect([all, kept] == sums)
            #expect(marks == Self.marks(expected, random, from: index, threshold, place))
            var row = values
            var target = row.mutableSpan
            RowArithmetic.subtract(base.span, from: &target, marked: marks.span, from: place)
            #expect(row == expected)
          }
        }
      }
    }
  }

  /// A bit for each element that is kept, sixteen to a mark, between marks of others.
  private static func marks(
    _ row: [Double], _ random: CounterRandom, from index: Int, _ threshold: UInt64, _ place: Int
  ) -> [UInt16] {
    var marks = [UInt16](repeating: 0x5A5A, count: RowArithmetic.markCount(row.count) + 5)
    for element in row.indices {
      if element % 16 == 0 { marks[place + element / 16] = 0 }
      let isKept = UInt64(random.uniform32(at: index + element)) < threshold
      marks[place + element / 16] |= isKept ? 1 << (element % 16) : 0
    }
    return marks
  }

  /// The rule, word for word.
  private static func ranked(
    _ values: [Double], _ length: Int, _ random: CounterRandom, from index: Int, low: Double,
    width: Double
  ) -> [Double] {
    var result = values
    for start in stride(from: 0, to: values.count, by: length) {
      let order = (start..<start + length).sorted { a, b in
        let (x, y) = (values[a].magnitude.bitPattern, values[b].magnitude.bitPattern)
        return x > y || x == y && a < b
      }
      for (place, element) in order.enumerated() {
        let share = length > 1 ? Double(length - 1 - place) / Double(length - 1) : 0
        let threshold = CounterRandom.threshold(for: low + width * share)
        if UInt64(random.uniform32(at: index + element)) >= threshold { result[element] = 0 }
        // A zero comes out without a sign.
        if result[element] == 0 { result[element] = 0 }
      }
    }
    return result
  }

  /// Vectors whose magnitudes are spread, alike, few, tiny, not finite, or spread over all exponents.
  private static func vectors(_ length: Int) -> [[Double]] {
    var random = SplitMix64(seed: UInt64(length))
    let spread = (0..<length).map { _ in
      Double.random(in: -1...1, using: &random) * Double.random(in: 0...1, using: &random)
    }
    let few = (0..<length).map { _ in Double(Int.random(in: -3...3, using: &random)) * 0x1p-9 }
    let half = spread.map { $0 > 0 ? $0 : -0.0 }
    let near = spread.map { 1 + $0 * 1e-9 }
    let special = spread.enumerated().map { i, value in
      [value, .nan, .infinity, -.infinity, 0, value][i % 6]
    }
    let wide = (0..<length).map { _ in random.nextFinite(Double.self) }
    let outliers = spread.enumerated().map { i, value in i % 50 == 7 ? 1 : value * 1e-6 }
    return [
      spread, few, half, near, special, wide, spread.map { _ in 0 }, outliers,
      changes(length, &random),
    ]
  }

  /// Differences of weights in bfloat16: half are zero, the others share few magnitudes.
  private static func changes(_ length: Int, _ random: inout SplitMix64) -> [Double] {
    func rounded(_ value: Double) -> Double {
      Double(Float(bitPattern: (Float(value).bitPattern &+ 0x8000) & 0xffff_0000))
    }
    return (0..<length).map { _ in
      let base = rounded(Double.random(in: -0.05...0.05, using: &random))
      return rounded(base + Double.random(in: -3e-4...3e-4, using: &random)) - base
    }
  }

  @Test(arguments: [1_999, 2_048, 16_385, 65_535])
  func `long vectors too, whether their magnitudes are spread or few`(length: Int) {
    let random = CounterRandom(seed: 8, stream: 1)
    var numbers = SplitMix64(seed: UInt64(length))
    let changes = Self.changes(length, &numbers)
    // A few hundred magnitudes in each of some buckets, and all others below the last.
    let skewed = changes.enumerated().map { i, value in i % 3 == 0 ? value : 1 + value * value }
    for values in length > 10_000 ? [changes] : [changes, skewed, changes.map { $0 * $0 * $0 }] {
      let expected = Self.ranked(values, length, random, from: 5, low: 0.35, width: 0.3)
      for level in KernelLevel.available {
        var row = values
        KernelLevel.with(level) {
          var span = row.mutableSpan
          random.dropRanked(&span, ofVectors: length, from: 5, low: 0.35, width: 0.3)
        }
        #expect(row.map(\.bitPattern) == expected.map(\.bitPattern))
      }
    }
  }

  /// Vectors in which many elements share a magnitude, or one bucket of the order.
  private static func ties(_ length: Int) -> [[Double]] {
    var random = SplitMix64(seed: UInt64(length) + 1)
    func vector(_ magnitude: (Int) -> Double) -> [Double] {
      (0..<length).map { _ in
        magnitude(Int.random(in: 0..<120, using: &random)) * (Bool.random(using: &random) ? 1 : -1)
      }
    }
    return [
      // Magnitudes of their own buckets, and several short ones to a bucket.
      vector { Double($0 % 5 + 1) * 0.25 },
      vector { $0 % 3 == 0 ? 0x1p-4 : 1 + Double($0 % 7) * 0x1p-11 },
      vector { $0 < 100 ? 0x1p-3 : 1 + Double($0 % 3) * 0x1p-10 },
      // Long ones that begin alike, some of them equal, beside the short one of which they begin.
      vector { 1 + Double($0 % 4) * 0x1p-30 },
      vector { 0.5 + Double($0) * 0x1p-40 + ($0 < 60 ? 0.5 : 0) },
      vector { $0 < 110 ? 1 + Double($0) : 0.75 + Double($0 % 2) * 0x1p-45 },
      // All but a few are far below the largest, alike or not.
      vector { $0 == 7 ? 1 : 0x1p-20 },
      vector { $0 == 7 ? 1 : Double($0) * 0x1p-30 },
      vector { $0 == 7 ? 1 : Double($0 % 3) * .leastNonzeroMagnitude },
      // Nearly all zeros, no zeros at all, and one magnitude only.
      vector { $0 == 7 ? 1 : 0 },
      vector { 1 + Double($0) },
      vector { _ in 0.1 },
      vector { _ in 0.125 },
    ]
  }

  private static func checkRanked(
    _ values: [Double], _ random: CounterRandom, from index: Int, low: Double, width: Double
  ) {
    let expected = ranked(values, values.count, random, from: index, low: low, width: width)
    for level in KernelLevel.available {
      var row = values
      KernelLevel.with(level) {
        var span = row.mutableSpan
        random.dropRanked(&span, ofVectors: values.count, from: index, low: low, width: width)
      }
      #expect(row.map(\.bitPattern) == expected.map(\.bitPattern))
    }
  }

  @Test(arguments: [64, 96, 97, 511, 513, 1_039])
  func `of equal elements those of lower index are kept more often`(length: Int) {
    let random = CounterRandom(seed: 3, stream: UInt64(length))
    for values in Self.ties(length) {
      for (low, width) in [(0.35, 0.3), (0.01, 0.98)] {
        Self.checkRanked(values, random, from: 11, low: low, width: width)
      }
    }
  }

  @Test(arguments: [1, 16, 63, 64, 100, 512])
  func `differences of vectors are summed and marked like the rows that hold them`(length: Int) {
    let random = CounterRandom(seed: 4, stream: UInt64(length))
    var numbers = SplitMix64(seed: 1)
    let base = (0..<3 * length).map { _ in Double.random(in: -1...1, using: &numbers) }
    for vector in [Self.ties(length)[1], Self.vectors(length)[0], Self.vectors(length)[6]] {
      // The second vector has no differences but zeros.
      var values = vector + vector.map { _ in 0 } + vector.reversed()
      for i in length..<2 * length { values[i] = base[i] }
      for (low, width) in [(0.35, 0.3), (0, 1)] {
        let index = 16
        var differences = zip(values, base).map { $0 - $1 }
        let all = Reduction.sumOfAbsolutes(differences.span)
        differences = Self.ranked(differences, length, random, from: index, low: low, width: width)
        let kept = Reduction.sumOfAbsolutes(differences.span)
        // Marks before and behind those of the row stay as they are.
        let place = 3
        var expected = [UInt16](repeating: 0x5A5A, count: RowArithmetic.markCount(values.count) + 5)
        var span = expected.mutableSpan
        RowArithmetic.markNonzero(differences.span, into: &span, from: place)
        for level in KernelLevel.available {
          KernelLevel.with(level) {
            var marks = [UInt16](repeating: 0x5A5A, count: expected.count)
            var span = marks.mutableSpan
            let sums = random.sumsOfAbsolutes(
              values.span, minus: base.span, ofVectors: length, from: index, low: low,
              width: width, marking: &span, from: place)
            // Thresholds of zero, and vectors that end within a mark, are left to others.
            guard let sums else {
              #expect(low == 0 || length < 64 || length % 16 != 0)
              return
            }
            #expect([sums.all, sums.kept] == [all, kept])
            #expect(marks == expected)
          }
        }
      }
    }
  }

  @Test(arguments: [0, 6, 10])
  func `equal elements of the longest vectors too`(vector: Int) {
    let random = CounterRandom(seed: 3, stream: 1)
    Self.checkRanked(Self.ties(65_535)[vector], random, from: 0, low: 0.2, width: 0.5)
  }

  @Test(arguments: [1, 2, 63, 64, 65, 100, 257, 600])
  func `larger elements of a vector are kept more often`(length: Int) {
    let random = CounterRandom(seed: 5, stream: 6)
    for vector in Self.vectors(length) {
      let values = vector + vector.reversed()
      for index in [0, 3, 1 << 33] {
        for (low, width) in [(0.35, 0.3), (0.1, 0.8), (0.5, 0), (0, 0.5), (0.5, 0.5), (1e-12, 0.2)]
        {
          let expected = Self.ranked(values, length, random, from: index, low: low, width: width)
          for level in KernelLevel.available {
            var row = values
            KernelLevel.with(level) {
              var span = row.mutableSpan
              random.dropRanked(
                &span, ofVectors: length, from: index, low: low, width: width)
            }
            #expect(row.map(\.bitPattern) == expected.map(\.bitPattern))
          }
        }
      }
    }
  }
}
