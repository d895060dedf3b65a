/// The layout of a binary float of 8 or 16 bits whose exponent range is smaller than a `Float`'s.
///
/// The conversions have neither branches nor tables, so that a loop over them becomes vector code;
/// each is inlined with a constant layout. ``Conversion/value(ofBits:as:)`` and
/// ``Conversion/bits(of:as:)`` state the same from the definition.
struct SmallFloat {
  /// What the exponent field of ones means.
  enum TopExponent {
    /// Infinity and NaN, as in IEEE 754.
    case nonFinite
    /// Ordinary numbers, but for the mantissa of ones, which is NaN; there is no infinity.
    case finite
  }

  /// The width of the exponent field.
  let exponentBits: UInt32
  /// The width of the mantissa field, without the implicit bit.
  let mantissaBits: UInt32
  /// What the exponent field of ones means.
  let topExponent: TopExponent

  // Computed, because a stored global is not always folded into the loops that use it.

  /// IEEE 754 binary16.
  static var float16: Self {
    Self(exponentBits: 5, mantissaBits: 10, topExponent: .nonFinite)
  }
  /// OCP 8-bit float E4M3 (`FN`: finite, NaN).
  static var float8E4M3: Self {
    Self(exponentBits: 4, mantissaBits: 3, topExponent: .finite)
  }
  /// OCP 8-bit float E5M2.
  static var float8E5M2: Self {
    Self(exponentBits: 5, mantissaBits: 2, topExponent: .nonFinite)
  }

  /// The sign bit in place.
  @inline(__always)
  var signMask: UInt32 { 1 << (exponentBits + mantissaBits) }

  /// The lowest magnitude pattern that is not a finite number.
  @inline(__always)
  var firstNonFinite: UInt32 {
    switch topExponent {
    case .nonFinite: signMask - (1 << mantissaBits)
    case .finite: signMask - 1
    }
  }

  /// 1 for a pattern that is NaN or infinite, 0 for one of a finite number.
  @inline(__always)
  func nonFinite(_ bits: UInt32) -> UInt32 {
    ((bits & (signMask - 1)) + (signMask - firstNonFinite)) / signMask
  }

  /// How far a mantissa moves to stand where a `Float` has it.
  @inline(__always)
  private var shift: UInt32 { 23 - mantissaBits }

  /// The difference of the exponent biases, in a `Float`'s exponent field.
  @inline(__always)
  private var rebias: UInt32 { (127 - ((1 << (exponentBits - 1)) - 1)) << 23 }

  /// Decodes a bit pattern.
  ///
  /// - Parameter bits: the pattern in the low bits; the others are zero.
  /// - Returns: the exact value.
  @inline(__always)
  func widened(_ bits: UInt32) -> Float {
    let magnitude = bits & (signMask - 1)
    let sign = (bits & signMask) << (31 - exponentBits - mantissaBits)
    let shifted = magnitude << shift
    let normal = shifted &+ rebias
    // With the exponent of the smallest normal number in place of 0 the implicit bit appears;
    // subtracting that number takes it off again and normalizes.
    let one = rebias &+ (1 << 23)
    let subnormal = (Float(bitPattern: shifted &+ one) - Float(bitPattern: one)).bitPattern
    var result = magnitude < (1 << mantissaBits) ? subnormal : normal
    switch topExponent {
    case .nonFinite: result = magnitude >= firstNonFinite ? normal &+ rebias : result
    case .finite: result = magnitude >= firstNonFinite ? 0x7fc0_0000 : result
    }
    return Float(bitPattern: sign | result)
  }

  /// Encodes the nearest number, ties to even.
  ///
  /// Beyond the largest number this is infinity, or NaN where there is none.
  ///
  /// - Parameter value: any `Float`; NaN becomes a quiet NaN.
  /// - Returns: the pattern in the low bits; the others are zero.
  @inline(__always)
  func narrowed(_ value: Float) -> UInt32 {
    let magnitude = value.bitPattern & 0x7fff_ffff
    let sign = (value.bitPattern >> (31 - exponentBits - mantissaBits)) & signMask
    // Below the smallest normal number the format is fixed point. A number whose last place is
    // that step makes the addition round to it.
    let anchor = rebias &+ ((1 + shift) << 23)
    let subnormal =
      (Float(bitPattern: magnitude) + Float(bitPattern: anchor)).bitPattern &- anchor
    // Half a step less one, and one more when the last kept bit is odd: ties go to even.
    let half = ((1 as UInt32) << (shift - 1)) - 1
    let rounded = (magnitude &+ half &+ ((magnitude >> shift) & 1) &- rebias) >> shift
    var result = magnitude < rebias &+ (1 << 23) ? subnormal : min(rounded, firstNonFinite)
    if topExponent == .nonFinite {
      let quiet: UInt32 = 1 << (mantissaBits - 1)
      let notANumber = firstNonFinite | quiet | ((magnitude >> shift) & (quiet - 1))
      result = magnitude > 0x7f80_0000 ? notANumber : result
    }
    return sign | result
  }
}
