extension Conversion {
  /// Reads numbers as they stand in a file into a row, exactly.
  ///
  /// The payload of a NaN is kept from F32 and BF16 into `Float`; elsewhere a NaN stays a NaN.
  ///
  /// - Parameters:
  ///   - bytes: the elements, little-endian.
  ///   - offset: where they begin, in bytes; a multiple of an element's size.
  ///   - dtype: the type of the elements: F64, F32, BF16, F16, F8_E4M3 or F8_E5M2. F64 demands a
  ///     row of `Double`.
  ///   - count: the number of elements to read.
  ///   - row: receives the values in its first `count` places; at least that long.
  @specialized(where T == Float)
  @specialized(where T == Double)
  public static func widen<T: WorkingFloat>(
    _ bytes: borrowing ByteBuffer, at offset: Int = 0, from dtype: DType, count: Int,
    into row: inout MutableSpan<T>
  ) {
    precondition(count <= row.count, "the row is too short")
    switch dtype {
    case .float64:
      precondition(T.self == Double.self, "F64 elements need a row of Double")
      let source = bytes.elements(as: Double.self, at: offset, count: count)
      for i in 0..<count { row[i] = T(source[i]) }
    case .float32:
      let source = bytes.elements(as: Float.self, at: offset, count: count)
      for i in 0..<count { row[i] = T(source[i]) }
    case .bfloat16:
      let source = bytes.elements(as: UInt16.self, at: offset, count: count)
      for i in 0..<count { row[i] = T(Float(bitPattern: UInt32(source[i]) << 16)) }
    case .float16:
      let source = bytes.elements(as: UInt16.self, at: offset, count: count)
      for i in 0..<count { row[i] = T(SmallFloat.float16.widened(UInt32(source[i]))) }
    case .float8E4M3:
      let source = bytes.elements(as: UInt8.self, at: offset, count: count)
      for i in 0..<count { row[i] = T(SmallFloat.float8E4M3.widened(UInt32(source[i]))) }
    case .float8E5M2:
      let source = bytes.elements(as: UInt8.self, at: offset, count: count)
      for i in 0..<count { row[i] = T(SmallFloat.float8E5M2.widened(UInt32(source[i]))) }
    default:
      preconditionFailure("\(dtype.rawValue) is not a type of real numbers")
    }
  }
}
