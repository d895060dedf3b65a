extension Conversion {
  /// Reads numbers as they stand in a file into a row, exactly.
  ///
  /// A NaN stays a NaN, with its sign.
  ///
  /// - Parameters:
  ///   - bytes: the elements, little-endian.
  ///   - offset: the byte in which the first of them begins, a multiple of their size.
  ///   - dtype: the type of the elements: F64, F32, BF16, F16, F8_E4M3 or F8_E5M2.
  ///   - count: the number of elements to read.
  ///   - row: receives the values.
  ///   - start: the place of the first of them in the row, which has at least `count` from there on.
  /// - Returns: the number of elements that are NaN or infinite.
  @discardableResult
  public static func widen(
    _ bytes: borrowing ByteBuffer, at offset: Int = 0, from dtype: DType, count: Int,
    into row: inout MutableSpan<Double>, startingAt start: Int = 0
  ) -> Int {
    let width = dtype.bitWidth / 8
    precondition(offset >= 0 && offset % max(width, 1) == 0, "elements begin at their multiples")
    let end = offset + count * width
    let all = bytes.elements(as: UInt8.self, count: end)
    return Kernels.widen(
      all.extracting(offset..<end), from: dtype, count: count, into: &row, at: start)
  }
}
