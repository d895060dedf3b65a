/// Conversion between the numbers of a file and the numbers that arithmetic is done on.
///
/// Widening is exact. Narrowing rounds once, to the nearest number and ties to even: a `Double`
/// reaches 8 or 16 bits without a second rounding on the way.
///
/// The whole-row functions ``widen(_:at:from:count:into:)`` and ``narrow(_:to:into:at:)`` are the
/// ones to use. ``value(ofBits:as:)`` and ``bits(of:as:)`` do one number slowly, straight from the
/// definition of the format: <https://standards.ieee.org/ieee/754/6210/> and the OCP 8-bit
/// floating point specification (OFP8) 1.0.
public enum Conversion {
  /// The value that a bit pattern stands for.
  ///
  /// - Parameters:
  ///   - bits: the pattern in the low bits; higher bits are ignored.
  ///   - dtype: a type for which ``DType/isFloatingPoint`` holds.
  /// - Returns: the exact value; NaN for every NaN pattern.
  public static func value(ofBits bits: UInt64, as dtype: DType) -> Double {
    switch dtype {
    case .float64: return Double(bitPattern: bits)
    case .float32: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    default: break
    }
    let layout = Layout(dtype)
    let magnitude = bits & (layout.signMask - 1)
    let sign: FloatingPointSign = bits & layout.signMask == 0 ? .plus : .minus
    if magnitude > layout.infinity || magnitude == layout.notANumber { return .nan }
    if magnitude == layout.infinity { return sign == .plus ? .infinity : -.infinity }
    let field = Int(magnitude >> layout.mantissaBits)
    var significand = magnitude & ((1 << layout.mantissaBits) - 1)
    if field > 0 { significand |= 1 << layout.mantissaBits }
    return Double(
      sign: sign, exponent: layout.lastPlace(exponentField: field),
      significand: Double(significand))
  }

  /// The bit pattern of the nearest number of a type, ties to even.
  ///
  /// - Parameters:
  ///   - value: any number. Beyond the largest number of the type the pattern is infinity, in
  ///     F8_E4M3 NaN; NaN becomes a quiet NaN.
  ///   - dtype: a type for which ``DType/isFloatingPoint`` holds.
  /// - Returns: the pattern in the low bits; higher bits are zero.
  public static func bits(of value: Double, as dtype: DType) -> UInt64 {
    switch dtype {
    case .float64: return value.bitPattern
    case .float32: return UInt64(Float(value).bitPattern)
    default: break
    }
    let layout = Layout(dtype)
    let sign = value.sign == .minus ? layout.signMask : 0
    if value.isNaN { return sign | layout.notANumber }
    if value.isInfinite { return sign | min(layout.infinity, layout.notANumber) }
    if value == 0 { return sign }
    // In steps of the last place the value is at most the 2^(mantissa bits + 1) of the next power
    // of two, so that this division is exact; what is below a step decides the rounding.
    let field = max(1, Int(value.exponent) + layout.bias)
    if field >= 1 << layout.exponentBits {
      return sign | min(layout.infinity, layout.notANumber)
    }
    let place = Double(
      sign: .plus, exponent: layout.lastPlace(exponentField: field), significand: 1)
    let steps = value.magnitude / place
    var significand = UInt64(steps)
    let rest = steps - Double(significand)
    if rest > 0.5 || (rest == 0.5 && significand & 1 == 1) { significand += 1 }
    // Not a bitwise or: the implicit bit, or the carry of rounding up, raises the exponent.
    let magnitude = UInt64(field - 1) << layout.mantissaBits + significand
    return sign | min(magnitude, layout.infinity, layout.notANumber)
  }

  /// Where the fields of a type of 8 or 16 bits are.
  private struct Layout {
    let exponentBits: Int
    let mantissaBits: Int
    /// The pattern of infinity; in F8_E4M3, which has none, above all patterns.
    let infinity: UInt64
    /// The pattern that NaN is written as.
    let notANumber: UInt64

    init(_ dtype: DType) {
      switch dtype {
      case .bfloat16: (exponentBits, mantissaBits, infinity, notANumber) = (8, 7, 0x7f80, 0x7fc0)
      case .float16: (exponentBits, mantissaBits, infinity, notANumber) = (5, 10, 0x7c00, 0x7e00)
      case .float8E5M2: (exponentBits, mantissaBits, infinity, notANumber) = (5, 2, 0x7c, 0x7e)
      case .float8E4M3: (exponentBits, mantissaBits, infinity, notANumber) = (4, 3, 0x80, 0x7f)
      default: preconditionFailure("\(dtype.rawValue) is not a type of real numbers")
      }
    }

    var signMask: UInt64 { 1 << (exponentBits + mantissaBits) }
    var bias: Int { 1 << (exponentBits - 1) - 1 }

    /// The power of two of the last mantissa bit; field 0 counts as 1 (subnormal numbers).
    func lastPlace(exponentField field: Int) -> Int { max(field, 1) - bias - mantissaBits }
  }
}
