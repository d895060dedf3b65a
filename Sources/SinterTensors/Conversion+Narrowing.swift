extension Conversion {
  /// Writes a row as it shall stand in a file, each number rounded once: nearest, ties to even.
  ///
  /// Beyond the largest number of the type the result is infinity, in F8_E4M3 (which has none)
  /// NaN; there is no saturation. NaN stays NaN, with its sign, and is quiet in 8 and 16 bits.
  ///
  /// - Parameters:
  ///   - row: the numbers, fewer than 2^32.
  ///   - dtype: the type to write: F64, F32, BF16, F16, F8_E4M3 or F8_E5M2.
  ///   - bytes: receives the elements, little-endian.
  ///   - offset: where they begin, in bytes; a multiple of an element's size.
  /// - Returns: the number of elements written that are NaN or infinite.
  @specialized(where T == Float)
  @specialized(where T == Double)
  public static func narrow<T: WorkingFloat>(
    _ row: Span<T>, to dtype: DType, into bytes: inout ByteBuffer, at offset: Int = 0
  ) -> Int {
    let count = row.count
    // The loops count in 32 bits, which takes half as many vector operations as 64.
    precondition(count <= Int(UInt32.max), "the row is too long")
    var nonFinite: UInt32 = 0
    switch dtype {
    case .float64:
      var target = bytes.mutableElements(as: Double.self, at: offset, count: count)
      for i in 0..<count {
        let value = Double(row[i])
        target[i] = value
        nonFinite &+= UInt32(
          truncatingIfNeeded: (value.bitPattern & (.max >> 1) &+ 1 << 52) >> 63)
      }
    case .float32:
      var target = bytes.mutableElements(as: Float.self, at: offset, count: count)
      for i in 0..<count {
        let value = Float(row[i])
        target[i] = value
        nonFinite &+= (value.bitPattern & (.max >> 1) &+ 1 << 23) >> 31
      }
    case .bfloat16:
      var target = bytes.mutableElements(as: UInt16.self, at: offset, count: count)
      for i in 0..<count {
        let bits = bfloat16Bits(roundedToOdd(row[i]))
        target[i] = UInt16(truncatingIfNeeded: bits)
        nonFinite &+= (bits & 0x7fff &+ 1 << 7) >> 15
      }
    case .float16:
      var target = bytes.mutableElements(as: UInt16.self, at: offset, count: count)
      for i in 0..<count {
        let bits = SmallFloat.float16.narrowed(roundedToOdd(row[i]))
        target[i] = UInt16(truncatingIfNeeded: bits)
        nonFinite &+= SmallFloat.float16.nonFinite(bits)
      }
    case .float8E4M3:
      var target = bytes.mutableElements(as: UInt8.self, at: offset, count: count)
      for i in 0..<count {
        let bits = SmallFloat.float8E4M3.narrowed(roundedToOdd(row[i]))
        target[i] = UInt8(truncatingIfNeeded: bits)
        nonFinite &+= SmallFloat.float8E4M3.nonFinite(bits)
      }
    case .float8E5M2:
      var target = bytes.mutableElements(as: UInt8.self, at: offset, count: count)
      for i in 0..<count {
        let bits = SmallFloat.float8E5M2.narrowed(roundedToOdd(row[i]))
        target[i] = UInt8(truncatingIfNeeded: bits)
        nonFinite &+= SmallFloat.float8E5M2.nonFinite(bits)
      }
    default:
      preconditionFailure("\(dtype.rawValue) is not a type of real numbers")
    }
    return Int(nonFinite)
  }

  /// A `Float` that rounds to each type of 8 or 16 bits as the number itself would.
  ///
  /// A `Double` is cut to 16 significant bits, and the last of them set when anything was cut off
  /// (rounding to odd). It says "there was more", and with two bits more than the final type has
  /// the second rounding is right. Moreover 16 bits are so few that the result is exact as a
  /// `Float`, even subnormal, from half the smallest BF16 number on.
  /// Source: Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", 2008.
  @inline(__always)
  private static func roundedToOdd<T: WorkingFloat>(_ value: T) -> Float {
    if T.self == Float.self { return Float(value) }
    let cut: UInt64 = 1 << 37 - 1
    let bits = Double(value).bitPattern
    // The addition carries into the last kept place exactly when a bit below is set.
    return Float(Double(bitPattern: (bits | (bits & cut &+ cut)) & ~cut))
  }

  /// The pattern of the nearest BF16 number in the low bits, ties to even; NaN becomes quiet.
  @inline(__always)
  private static func bfloat16Bits(_ value: Float) -> UInt32 {
    let bits = value.bitPattern
    let rounded = (bits &+ 0x7fff &+ ((bits >> 16) & 1)) >> 16
    return bits & 0x7fff_ffff > 0x7f80_0000 ? (bits >> 16) | 0x40 : rounded
  }
}
