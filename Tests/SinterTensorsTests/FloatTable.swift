import SinterTensors

/// All numbers of a type of 8 or 16 bits, from the definition: sign, exponent, mantissa.
///
/// Rounding by search in the table shares nothing with the conversions under test.
struct FloatTable {
  let dtype: DType
  let bitCount: Int
  /// The finite magnitudes; the index is the pattern.
  let magnitudes: [Double]
  /// The number that would follow the largest if there were one more exponent or mantissa.
  let beyond: Double
  /// The pattern of infinity; `nil` where there is none.
  let infinity: UInt64?

  init(_ dtype: DType) {
    self.dtype = dtype
    let exponentBits: Int
    let mantissaBits: Int
    switch dtype {
    case .bfloat16: (exponentBits, mantissaBits) = (8, 7)
    case .float16: (exponentBits, mantissaBits) = (5, 10)
    case .float8E5M2: (exponentBits, mantissaBits) = (5, 2)
    case .float8E4M3: (exponentBits, mantissaBits) = (4, 3)
    default: preconditionFailure("no table for \(dtype.rawValue)")
    }
    bitCount = 1 + exponentBits + mantissaBits
    let bias = 1 << (exponentBits - 1) - 1
    func magnitude(_ pattern: Int) -> Double {
      let field = pattern >> mantissaBits
      let fraction =
        Double(pattern & (1 << mantissaBits - 1)) / Double(1 << mantissaBits)
      return field == 0
        ? Double(sign: .plus, exponent: 1 - bias, significand: 1) * fraction
        : Double(sign: .plus, exponent: field - bias, significand: 1) * (1 + fraction)
    }
    let finite =
      dtype == .float8E4M3 ? 0x7f : ((1 << exponentBits) - 1) << mantissaBits
    magnitudes = (0..<finite).map(magnitude)
    beyond = magnitude(finite)
    infinity = dtype == .float8E4M3 ? nil : UInt64(finite)
  }

  var patterns: Range<UInt64> { 0..<(1 << UInt64(bitCount)) }
  var signMask: UInt64 { 1 << UInt64(bitCount - 1) }

  /// The value of a pattern, NaN for NaN.
  func value(_ pattern: UInt64) -> Double {
    let magnitude = pattern & (signMask - 1)
    let value =
      magnitude < magnitudes.count
      ? magnitudes[Int(magnitude)] : (magnitude == infinity ? .infinity : .nan)
    return pattern & signMask == 0 ? value : -value
  }

  func isNaN(_ pattern: UInt64) -> Bool {
    let magnitude = pattern & (signMask - 1)
    return magnitude >= magnitudes.count && magnitude != infinity
  }

  func isNonFinite(_ pattern: UInt64) -> Bool {
    pattern & (signMask - 1) >= magnitudes.count
  }

  /// The pattern nearest to a number, ties to the even pattern; `nil` for NaN.
  func nearest(_ value: Double) -> UInt64? {
    if value.isNaN { return nil }
    let sign = value.sign == .minus ? signMask : 0
    let magnitude = value.magnitude
    // The last pattern whose value is not above the number.
    var (low, high) = (0, magnitudes.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if magnitudes[middle] <= magnitude { low = middle } else { high = middle }
    }
    let above = low + 1 < magnitudes.count ? magnitudes[low + 1] : beyond
    let midpoint = (magnitudes[low] + above) / 2
    let isUp = magnitude > midpoint || (magnitude == midpoint && low % 2 == 1)
    let pattern = UInt64(isUp ? low + 1 : low)
    if pattern < magnitudes.count { return sign | pattern }
    return infinity.map { sign | $0 }
  }
}
