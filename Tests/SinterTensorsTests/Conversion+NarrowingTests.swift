import SinterTensors
import Testing

@Suite struct ConversionNarrowingTests {
  /// Narrows values by the function under test: the patterns, and how many are not finite.
  static func narrowed<T: WorkingFloat>(
    _ values: [T], to dtype: DType
  ) -> (patterns: [UInt64], nonFinite: Int) {
    let width = dtype.bitWidth / 8
    // One more byte than needed, which must stay as it was.
    var bytes = ByteBuffer(byteCount: values.count * width + 1)
    do {
      var target = bytes.mutableElements(as: UInt8.self, count: bytes.byteCount)
      target[values.count * width] = 0xa5
    }
    let nonFinite = Conversion.narrow(values.span, to: dtype, into: &bytes)
    let source = bytes.elements(as: UInt8.self, count: bytes.byteCount)
    #expect(source[values.count * width] == 0xa5)
    let patterns = values.indices.map { i in
      (0..<width).reduce(into: 0 as UInt64) { pattern, j in
        pattern |= UInt64(source[i * width + j]) << UInt64(8 * j)
      }
    }
    return (patterns, nonFinite)
  }

  /// Narrows values and their negatives and compares with the table.
  static func expectNearest<T: WorkingFloat>(_ magnitudes: [T], in table: FloatTable) {
    let values = magnitudes + magnitudes.map { -$0 }
    let (patterns, nonFinite) = narrowed(values, to: table.dtype)
    for (value, pattern) in zip(values, patterns) {
      let isRight =
        table.nearest(Double(value)).map { $0 == pattern } ?? table.isNaN(pattern)
      let sign: UInt64 = value.sign == .minus ? table.signMask : 0
      if !isRight || pattern & table.signMask != sign {
        Issue.record("\(table.dtype) \(T.self) \(value): \(pattern)")
      }
    }
    #expect(nonFinite == patterns.count(where: table.isNonFinite))
  }

  @Test(arguments: ConversionTests.small)
  func everyPatternComesBack(dtype: DType) {
    let table = FloatTable(dtype)
    let all = Array(table.patterns)
    func check<T: WorkingFloat>(_ type: T.Type) {
      let values = ConversionWideningTests.widened(all, from: dtype, as: type)
      let (patterns, nonFinite) = Self.narrowed(values, to: dtype)
      for (pattern, back) in zip(all, patterns) {
        if table.isNaN(pattern) ? !table.isNaN(back) : back != pattern {
          Issue.record("\(dtype) \(T.self) \(pattern): \(back)")
        }
      }
      #expect(nonFinite == all.count(where: table.isNonFinite))
    }
    check(Float.self)
    check(Double.self)
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
    var singles: [Float] = []
    for i in stride(from: 1, to: doubles.count, by: 3) where doubles[i] < 0x1p128 {
      let midpoint = Float(doubles[i])
      #expect(Double(midpoint) == doubles[i])
      singles += [midpoint.nextDown, midpoint, midpoint.nextUp]
    }
    Self.expectNearest(singles, in: table)
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
    func check<T: WorkingFloat>(_ type: T.Type) {
      let largest = T(table.magnitudes[table.magnitudes.count - 1])
      var values: [T] = [
        0, .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, .infinity,
        largest, largest.nextUp, largest.nextDown, T(table.magnitudes[1]) / 2,
        T(table.magnitudes[1]).nextUp / 2, T.nan, T.signalingNaN,
      ]
      for _ in 0..<10_000 {
        values.append(random.nextFinite(type).magnitude)
        values.append(T(Double.random(in: 0...1, using: &random)) * largest)
        values.append(T(Double.random(in: 0...40, using: &random) * table.magnitudes[1]))
      }
      Self.expectNearest(values, in: table)
    }
    check(Float.self)
    check(Double.self)
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
    let singles = (0..<999).map { _ in random.nextFinite(Float.self) } + [-.infinity, .nan]
    let a = Self.narrowed(doubles, to: .float64)
    #expect(a.patterns == doubles.map(\.bitPattern))
    #expect(a.nonFinite == 2)
    let b = Self.narrowed(doubles, to: .float32)
    #expect(b.patterns == doubles.map { UInt64(Float($0).bitPattern) })
    #expect(b.nonFinite == doubles.count { !Float($0).isFinite })
    let c = Self.narrowed(singles, to: .float32)
    #expect(c.patterns == singles.map { UInt64($0.bitPattern) })
    #expect(c.nonFinite == 2)
    let d = Self.narrowed(singles, to: .float64)
    #expect(d.patterns == singles.map { Double($0).bitPattern })
    #expect(d.nonFinite == 2)
  }

  @Test func everyNaNStaysNaNWithItsSign() {
    var random = SplitMix64(seed: 6)
    let doubles = (0..<500).map { _ in
      Double(bitPattern: random.next() | 0x7ff0_0000_0000_0000 | 1 << UInt64.random(in: 0..<52))
    }
    let singles = (0..<500).map { _ in
      Float(bitPattern: UInt32(truncatingIfNeeded: random.next()) | 0x7f80_0000 | 1)
    }
    for table in ConversionTests.small.map(FloatTable.init) {
      Self.expectNearest(doubles, in: table)
      Self.expectNearest(singles, in: table)
    }
  }

  @Test(arguments: Array(0...33) + [255, 1_021])
  func anyCount(count: Int) {
    var random = SplitMix64(seed: UInt64(count))
    for dtype in ConversionTests.small + [.float32, .float64] {
      let doubles = (0..<count).map { _ in
        Double.random(in: -1000...1000, using: &random)
      }
      let expected = doubles.map { Conversion.bits(of: $0, as: dtype) }
      #expect(Self.narrowed(doubles, to: dtype).patterns == expected)
      let singles = doubles.map { Float($0) }
      let fromSingles = singles.map { Conversion.bits(of: Double($0), as: dtype) }
      #expect(Self.narrowed(singles, to: dtype).patterns == fromSingles)
    }
  }
}
