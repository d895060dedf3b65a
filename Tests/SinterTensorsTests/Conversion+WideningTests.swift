import SinterTensors
import Testing

@Suite struct ConversionWideningTests {
  /// Widens patterns of a type by the function under test, at all levels alike.
  static func widened(
    _ patterns: [UInt64], from dtype: DType, at place: Int = 0
  ) -> [Double] {
    let results = KernelLevel.available.map { level in
      KernelLevel.with(level) { widenedOnce(patterns, from: dtype, at: place) }
    }
    let expected = results[0].map(\.bitPattern)
    for (level, result) in zip(KernelLevel.available, results)
    where result.map(\.bitPattern) != expected {
      Issue.record("\(dtype) is widened otherwise at \(level)")
    }
    return results[0]
  }

  private static func widenedOnce(
    _ patterns: [UInt64], from dtype: DType, at place: Int
  ) -> [Double] {
    let width = dtype.bitWidth / 8
    let start = place * width
    var bytes = ByteBuffer(byteCount: start + patterns.count * width)
    var target = bytes.mutableElements(as: UInt8.self, count: bytes.byteCount)
    for (i, pattern) in patterns.enumerated() {
      for j in 0..<width {
        target[start + i * width + j] = UInt8(truncatingIfNeeded: pattern >> UInt64(8 * j))
      }
    }
    // One more place than needed, which must stay as it was.
    var row = [Double](repeating: 77, count: patterns.count + 1)
    var span = row.mutableSpan
    let nonFinite = Conversion.widen(
      bytes, at: start, from: dtype, count: patterns.count, into: &span)
    #expect(row.popLast() == 77)
    #expect(nonFinite == row.count { !$0.isFinite })
    return row
  }

  static func expectWidened(_ patterns: [UInt64], from dtype: DType, at place: Int = 0) {
    let values = widened(patterns, from: dtype, at: place)
    for (pattern, value) in zip(patterns, values) {
      let expected = Conversion.value(ofBits: pattern, as: dtype)
      let same = expected.isNaN ? value.isNaN : value == expected && value.sign == expected.sign
      if !same { Issue.record("\(dtype) \(pattern): \(value), expected \(expected)") }
    }
  }

  @Test(arguments: ConversionTests.small)
  func everyPattern(dtype: DType) {
    Self.expectWidened(Array(FloatTable(dtype).patterns), from: dtype)
  }

  @Test(arguments: ConversionTests.small + [.float32, .float64])
  func `one number that is not finite is counted wherever it is`(dtype: DType) {
    for value in [Double.infinity, -.infinity, .nan, -.nan] {
      let bits = Conversion.bits(of: value, as: dtype)
      for place in 0..<40 {
        var patterns = [UInt64](repeating: Conversion.bits(of: -3, as: dtype), count: 40)
        patterns[place] = bits
        // The count is compared with the values.
        #expect(!Self.widened(patterns, from: dtype)[place].isFinite)
      }
    }
  }

  @Test func everyNaNKeepsItsSign() {
    for table in ConversionTests.small.map(FloatTable.init) {
      let patterns = table.patterns.filter(table.isNaN)
      for (pattern, value) in zip(patterns, Self.widened(patterns, from: table.dtype)) {
        #expect(value.isNaN && (value.sign == .minus) == (pattern & table.signMask != 0))
      }
    }
  }

  @Test func wideTypesAreCopied() {
    var random = SplitMix64(seed: 1)
    let doubles = (0..<999).map { _ in random.nextFinite(Double.self) } + [-0.0, .infinity]
    let singles = (0..<999).map { _ in random.nextFinite(Float.self) } + [-0.0, -.infinity]
    let fromDoubles = Self.widened(doubles.map(\.bitPattern), from: .float64)
    #expect(fromDoubles.map(\.bitPattern) == doubles.map(\.bitPattern))
    let fromSingles = Self.widened(singles.map { UInt64($0.bitPattern) }, from: .float32)
    #expect(fromSingles.map(\.bitPattern) == singles.map { Double($0).bitPattern })
  }

  @Test(arguments: Array(0...200) + [255, 1_021])
  func anyCountAndOffset(count: Int) {
    var random = SplitMix64(seed: UInt64(count))
    for dtype in ConversionTests.small + [.float32] {
      let mask: UInt64 = 1 << UInt64(dtype.bitWidth) - 1
      let patterns = (0..<count).map { _ in random.next() & mask }
      Self.expectWidened(patterns, from: dtype, at: count % 19)
    }
  }
}
