import SinterTensors
import Testing

@Suite struct ConversionNarrowingTests {
  /// Narrows values by the function under test, at all levels alike: the patterns, and how many are
  /// not finite.
  static func narrowed(
    _ values: [Double], to dtype: DType, at place: Int = 0
  ) -> (patterns: [UInt64], nonFinite: Int) {
    let results = KernelLevel.available.map { level in
      KernelLevel.with(level) { narrowedOnce(values, to: dtype, at: place) }
    }
    for (level, result) in zip(KernelLevel.available, results) where result != results[0] {
      Issue.record("\(dtype) is narrowed otherwise at \(level)")
    }
    return results[0]
  }

  private static func narrowedOnce(
    _ values: [Double], to dtype: DType, at place: Int
  ) -> (patterns: [UInt64], nonFinite: Int) {
    let width = dtype.bitWidth / 8
    let start = place * width
    let end = start + values.count * width
    // More bytes than needed, which must stay as they were.
    var bytes = ByteBuffer(byteCount: end + 1)
    do {
      var target = bytes.mutableElements(as: UInt8.self, count: bytes.byteCount)
      for i in 0..<target.count { target[i] = 0xa5 }
    }
    let nonFinite = Conversion.narrow(values.span, to: dtype, into: &bytes, at: start)
    let source = bytes.elements(as: UInt8.self, count: bytes.byteCount)
    for i in 0..<start where source[i] != 0xa5 { Issue.record("byte \(i) was written") }
    #expect(source[end] == 0xa5)
    let patterns = values.indices.map { i in
      (0..<width).reduce(into: 0 as UInt64) { pattern, j in
        pattern |= UInt64(source[start + i * width + j]) << UInt64(8 * j)
      }
    }
    return (patterns, nonFinite)
  }

  /// Narrows values and their negatives and compares with the table.
  static func expectNearest(_ magnitudes: [Double], in table: FloatTable) {
    let values = magnitudes + magnitudes.map { -$0 }
    let (patterns, nonFinite) = narrowed(values, to: table.dtype)
    for (value, pattern) in zip(values, patterns) {
      let isRight =
        table.nearest(value).map { $0 == pattern } ?? table.isNaN(pattern)
      let sign: UInt64 = value.sign == .minus ? table.signMask : 0
      if !isRight || pattern & table.signMask != sign {
        Issue.record("\(table.dtype) \(value): \(pattern)")
      }
    }
    #expect(nonFinite == patterns.count(where: table.isNonFinite))
  }

  @Test(arguments: ConversionTests.small)
  func everyPatternComesBack(dtype: DType) {
    let table = FloatTable(dtype)
    let all = Array(table.patterns)
    let values = ConversionWideningTests.widened(all, from: dtype)
    let (patterns, nonFinite) = Self.narrowed(values, to: dtype)
    for (pattern, back) in zip(all, patterns) {
      if table.isNaN(pattern) ? !table.isNaN(back) : back != pattern {
        Issue.record("\(dtype) \(pattern): \(back)")
      }
    }
    #expect(nonFinite == all.count(where: table.isNonFinite))
  }

  @Test(arguments: ConversionTests.small)
  func aroundEveryMidpoint(dtype: DType) {
    let table = FloatTable(dtype)
    var doubles: [Double] = []
    for (low, high) in zip(table.magnitudes, table.magnitudes.dropFirst() + [table.beyond]) {
      let midpoint = (low + high) / 2
      doubles += [midpoint.nextDown, midpoint, midpoint.nextUp]
    }
    Self.expectNearest(doubles, in: table)
  }

  /// A `Double` so near a midpoint that `Float` cannot tell: two roundings would go wrong.
  @Test(arguments: ConversionTests.small)
  func aDoubleIsRoundedOnce(dtype: DType) {
    let table = FloatTable(dtype)
    let pairs = zip(table.magnitudes, table.magnitudes.dropFirst())
    for (low, high) in pairs.dropFirst(pairs.underestimatedCount / 2).prefix(64) {
      let midpoint = (low + high) / 2
      #expect(Double(Float(midpoint.nextUp)) == midpoint)
      #expect(Self.narrowed([midpoint.nextUp], to: dtype).patterns == [table.nearest(high)])
      #expect(Self.narrowed([midpoint.nextDown], to: dtype).patterns == [table.nearest(low)])
    }
  }

  @Test(arguments: ConversionTests.small)
  func extremesAndRandomNumbers(dtype: DType) {
    let table = FloatTable(dtype)
    var random = SplitMix64(seed: 9)
    let largest = table.magnitudes[table.magnitudes.count - 1]
    var values: [Double] = [
      0, .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, .infinity,
      largest, largest.nextUp, largest.nextDown, table.magnitudes[1] / 2,
      table.magnitudes[1].nextUp / 2, .nan, .signalingNaN,
    ]
    for _ in 0..<10_000 {
      values.append(random.nextFinite(Double.self).magnitude)
      values.append(Double(random.nextFinite(Float.self)).magnitude)
      values.append(Double.random(in: 0...1, using: &random) * largest)
      values.append(Double.random(in: 0...40, using: &random) * table.magnitudes[1])
    }
    Self.expectNearest(values, in: table)
  }

  @Test func overflowThresholds() {
    func patterns(_ values: [Double], _ dtype: DType) -> [UInt64] {
      Self.narrowed(values, to: dtype).patterns
    }
    #expect(patterns([65_519.9999, 65_520, -1e300], .float16) == [0x7bff, 0x7c00, 0xfc00])
    // 464 lies between 448 and 480, which is not there: the tie goes to the even 448.
    #expect(patterns([464, 464.0001, -480, .infinity], .float8E4M3) == [0x7e, 0x7f, 0xff, 0x7f])
    #expect(patterns([61_439.9, 61_440], .float8E5M2) == [0x7b, 0x7c])
    #expect(
      patterns([0x1.ffp127 - 0x1p80, 0x1.ffp127, 1e39], .bfloat16) == [0x7f7f, 0x7f80, 0x7f80])
  }

  @Test func wideTypes() {
    var random = SplitMix64(seed: 4)
    let doubles =
      (0..<999).map { _ in random.nextFinite(Double.self) } + [.nan, 0x1.ffffffp127, -.infinity]
    let a = Self.narrowed(doubles, to: .float64)
    #expect(a.patterns == doubles.map(\.bitPattern))
    #expect(a.nonFinite == 2)
    let b = Self.narrowed(doubles, to: .float32)
    #expect(b.patterns == doubles.map { UInt64(Float($0).bitPattern) })
    #expect(b.nonFinite == doubles.count { !Float($0).isFinite })
  }

  @Test func everyNaNStaysNaNWithItsSign() {
    var random = SplitMix64(seed: 6)
    let doubles = (0..<500).map { _ in
      Double(bitPattern: random.next() | 0x7ff0_0000_0000_0000 | 1 << UInt64.random(in: 0..<52))
    }
    for table in ConversionTests.small.map(FloatTable.init) {
      Self.expectNearest(doubles, in: table)
    }
  }

  @Test(arguments: Array(0...200) + [255, 1_021])
  func anyCountAndOffset(count: Int) {
    var random = SplitMix64(seed: UInt64(count))
    for dtype in ConversionTests.small + [.float32, .float64] {
      let doubles = (0..<count).map { _ in
        Double.random(in: -1000...1000, using: &random)
      }
      let expected = doubles.map { Conversion.bits(of: $0, as: dtype) }
      #expect(Self.narrowed(doubles, to: dtype, at: count % 19).patterns == expected)
    }
  }

  @Test(arguments: ConversionTests.small + [.float32, .float64])
  func `one number that is too large is found wherever it is`(dtype: DType) {
    let small = [1.5, -0.1, 1e-9, 0, 3e-45]
    for value in [Double.infinity, -.infinity, -.nan, dtype == .float64 ? .infinity : 1e300] {
      for place in 0..<40 {
        var values = (0..<40).map { small[$0 % small.count] }
        values[place] = value
        let (patterns, nonFinite) = Self.narrowed(values, to: dtype)
        #expect(patterns == values.map { Conversion.bits(of: $0, as: dtype) })
        #expect(nonFinite == 1)
      }
    }
  }

  @Test func `a row may start anywhere`() {
    var random = SplitMix64(seed: 5)
    let values = (0..<100).map { _ in Double.random(in: -9...9, using: &random) }
    for start in 0..<17 {
      for level in KernelLevel.available {
        KernelLevel.with(level) {
          var bytes = ByteBuffer(byteCount: 200)
          _ = Conversion.narrow(values.span.extracting(start..<90), to: .bfloat16, into: &bytes)
          let patterns = bytes.elements(as: UInt16.self, count: 90 - start)
          for i in start..<90 {
            #expect(UInt64(patterns[i - start]) == Conversion.bits(of: values[i], as: .bfloat16))
          }
        }
      }
    }
  }
}
