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
  ///   - offset: the byte in which the first of them is to begin, a multiple of their size.
  /// - Returns: the number of elements written that are NaN or infinite.
  public static func narrow(
    _ row: Span<Double>, to dtype: DType, into bytes: inout ByteBuffer, at offset: Int = 0
  ) -> Int {
    // The loops count in 32 bits, which takes half as many vector operations as 64.
    precondition(row.count <= Int(UInt32.max), "the row is too long")
    precondition(
      offset >= 0 && offset % max(dtype.bitWidth / 8, 1) == 0, "elements begin at their multiples")
    var target = bytes.mutableElements(as: UInt8.self, count: bytes.byteCount)
    return Kernels.narrow(row, to: dtype, into: &target, at: offset)
  }
}
