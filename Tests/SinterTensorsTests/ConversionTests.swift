import SinterTensors
import Testing

/// The scalar definitions, against references that share nothing with them.
@Suite struct ConversionTests {
  static let small: [DType] = [.bfloat16, .float16, .float8E4M3, .float8E5M2]

  @Test(arguments: small)
  func everyPatternHasItsValueAndBack(dtype: DType) {
    let table = FloatTable(dtype)
    for pattern in table.patterns {
      let value = Conversion.value(ofBits: pattern, as: dtype)
      let expected = table.value(pattern)
      if expected.isNaN {
        #expect(value.isNaN, "pattern \(pattern)")
        #expect(table.isNaN(Conversion.bits(of: value, as: dtype)))
      } else if value.bitPattern != expected.bitPattern
        || Conversion.bits(of: value, as: dtype) != pattern
      {
        Issue.record("pattern \(pattern): \(value), expected \(expected)")
      }
    }
  }

  @Test func bfloat16IsTheUpperHalfOfFloat() {
    for pattern in 0..<UInt32(0x10000) {
      let expected = Float(bitPattern: pattern << 16)
      let value = Conversion.value(ofBits: UInt64(pattern), as: .bfloat16)
      if expected.isNaN ? !value.isNaN : value != Double(expected) {
        Issue.record("pattern \(pattern): \(value), expected \(expected)")
      }
    }
  }

  #if !(os(macOS) && arch(x86_64))
    @Test func float16IsSwiftsFloat16() {
      for pattern in 0...UInt16.max {
        let expected = Float16(bitPattern: pattern)
        let value = Conversion.value(ofBits: UInt64(pattern), as: .float16)
        if expected.isNaN ? !value.isNaN : value != Double(expected) {
          Issue.record("pattern \(pattern): \(value), expected \(expected)")
        }
      }
      var random = SplitMix64(seed: 3)
      for _ in 0..<20_000 {
        let value = Double.random(in: -70_000...70_000, using: &random)
        #expect(Conversion.bits(of: value, as: .float16) == UInt64(Float16(value).bitPattern))
      }
    }
  #endif

  @Test func landmarksOfTheEightBitTypes() {
    #expect(Conversion.value(ofBits: 0x7e, as: .float8E4M3) == 448)
    #expect(Conversion.value(ofBits: 0x01, as: .float8E4M3) == 0x1p-9)
    #expect(Conversion.value(ofBits: 0x08, as: .float8E4M3) == 0x1p-6)
    #expect(Conversion.value(ofBits: 0x7f, as: .float8E4M3).isNaN)
    #expect(Conversion.value(ofBits: 0xff, as: .float8E4M3).isNaN)
    #expect(Conversion.value(ofBits: 0x7b, as: .float8E5M2) == 57344)
    #expect(Conversion.value(ofBits: 0x01, as: .float8E5M2) == 0x1p-16)
    #expect(Conversion.value(ofBits: 0xfc, as: .float8E5M2) == -.infinity)
    #expect(Conversion.value(ofBits: 0x7d, as: .float8E5M2).isNaN)
  }

  @Test(arguments: small)
  func bitsAreTheNearestOfTheTable(dtype: DType) {
    let table = FloatTable(dtype)
    var random = SplitMix64(seed: 5)
    for _ in 0..<5_000 {
      let scale = table.beyond * 1.1
      for value in [
        random.nextFinite(Double.self), Double.random(in: -scale...scale, using: &random),
        Double(table.magnitudes[8]) * Double.random(in: -2...2, using: &random),
      ] {
        let expected = table.nearest(value) ?? Conversion.bits(of: .nan, as: dtype)
        let bits = Conversion.bits(of: value, as: dtype)
        #expect(bits & ~table.signMask == expected & ~table.signMask, "\(value)")
      }
    }
  }

  @Test func wideTypesKeepTheirPatterns() {
    #expect(Conversion.bits(of: -2, as: .float64) == 0xc000_0000_0000_0000)
    #expect(Conversion.bits(of: -2, as: .float32) == 0xc000_0000)
    #expect(Conversion.value(ofBits: 0x3f80_0000, as: .float32) == 1)
    #expect(Conversion.value(ofBits: 0x3ff0_0000_0000_0000, as: .float64) == 1)
  }
}
