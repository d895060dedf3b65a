import SinterTensors
import Testing

@Suite struct ConversionWideningTests {
  /// Widens patterns of a type by the function under test.
  static func widened<T: WorkingFloat>(
    _ patterns: [UInt64], from dtype: DType, as type: T.Type
  ) -> [T] {
    var bytes = ByteBuffer(byteCount: patterns.count * 8)
    let width = UInt64(dtype.bitWidth / 8)
    var target = bytes.mutableElements(as: UInt8.self, count: patterns.count * Int(width))
    for (i, pattern) in patterns.enumerated() {
      for j in 0..<width {
        target[i * Int(width) + Int(j)] = UInt8(truncatingIfNeeded: pattern >> (8 * j))
      }
    }
    // One more place than needed, which must stay as it was.
    var row = [T](repeating: 77, count: patterns.count + 1)
    var span = row.mutableSpan
    Conversion.widen(bytes, from: dtype, count: patterns.count, into: &span)
    #expect(row.popLast() == 77)
    return row
  }

  static func expectWidened<T: WorkingFloat>(
    _ patterns: [UInt64], from dtype: DType, as type: T.Type
  ) {
    let values = widened(patterns, from: dtype, as: type)
    for (pattern, value) in zip(patterns, values) {
      let expected = T(Conversion.value(ofBits: pattern, as: dtype))
      let same = expected.isNaN ? value.isNaN : value == expected && value.sign == expected.sign
      if !same { Issue.record("\(dtype) \(pattern): \(value), expected \(expected)") }
    }
  }

  @Test(arguments: ConversionTests.small)
  func everyPattern(dtype: DType) {
    let patterns = Array(FloatTable(dtype).patterns)
    Self.expectWidened(patterns, from: dtype, as: Float.self)
    Self.expectWidened(patterns, from: dtype, as: Double.self)
  }

  @Test func wideTypesAreCopied() {
    var random = SplitMix64(seed: 1)
    let doubles = (0..<999).map { _ in random.nextFinite(Double.self) } + [-0.0, .infinity]
    let singles = (0..<999).map { _ in random.nextFinite(Float.self) } + [-0.0, -.infinity]
    let fromDoubles = Self.widened(
      doubles.map(\.bitPattern), from: .float64, as: Double.self)
    #expect(fromDoubles.map(\.bitPattern) == doubles.map(\.bitPattern))
    let patterns = singles.map { UInt64($0.bitPattern) }
    let fromSingles = Self.widened(patterns, from: .float32, as: Float.self)
    #expect(fromSingles.map(\.bitPattern) == singles.map(\.bitPattern))
    let widened = Self.widened(patterns, from: .float32, as: Double.self)
    #expect(widened.map(\.bitPattern) == singles.map { Double($0).bitPattern })
  }

  @Test func payloadOfNaNIsKeptInFloat() {
    let singles: [UInt64] = [0x7fc0_1234, 0xffc0_0001, 0x7f80_0001]
    #expect(
      Self.widened(singles, from: .float32, as: Float.self).map { UInt64($0.bitPattern) }
        == singles)
    let halves: [UInt64] = [0x7fc1, 0xffff, 0x7f81]
    #expect(
      Self.widened(halves, from: .bfloat16, as: Float.self).map { UInt64($0.bitPattern) }
        == halves.map { $0 << 16 })
  }

  @Test(arguments: Array(0...33) + [255, 1_021])
  func anyCount(count: Int) {
    var random = SplitMix64(seed: UInt64(count))
    for dtype in ConversionTests.small + [.float32] {
      let mask: UInt64 = 1 << UInt64(dtype.bitWidth) - 1
      let patterns = (0..<count).map { _ in random.next() & mask }
      Self.expectWidened(patterns, from: dtype, as: Float.self)
      Self.expectWidened(patterns, from: dtype, as: Double.self)
    }
  }
}
