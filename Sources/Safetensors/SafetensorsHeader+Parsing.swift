/// Reading: every rule of the format is checked before anything is believed.
extension SafetensorsHeader {
  /// Tells from the first eight bytes of a file where its data starts.
  ///
  /// - Parameters:
  ///   - prefix: the first bytes of the file, eight if it has so many.
  ///   - fileByteCount: the size of the whole file.
  ///   - file: the path of the file, for messages.
  /// - Returns: 8 and the length of the header: the number of bytes that
  ///   ``init(parsing:fileByteCount:file:)`` needs.
  /// - Throws: ``SafetensorsError`` of code `fileTooShort`, `headerTooLong` or `headerBeyondFile`.
  public static func dataStart(
    prefix: [UInt8], fileByteCount: Int, file: String
  ) throws(SafetensorsError) -> Int {
    guard prefix.count >= 8, fileByteCount >= 8 else {
      throw .fileTooShort(file, byteCount: min(prefix.count, fileByteCount))
    }
    var length: UInt64 = 0
    for byte in prefix[..<8].reversed() { length = length << 8 | UInt64(byte) }
    if length > UInt64(lengthLimit) { throw .headerTooLong(file, length: length) }
    let dataStart = 8 + Int(length)
    if dataStart > fileByteCount {
      throw .headerBeyondFile(file, dataStart: dataStart, byteCount: fileByteCount)
    }
    return dataStart
  }

  /// Reads and checks a header.
  ///
  /// Refused are, each with its own code: a length beyond the limit or the file; text that is not
  /// UTF-8, not JSON or not an object; names that come twice; entries with unknown dtypes, missing
  /// or unknown keys, or numbers that are negative, fractional or too large; sizes that overflow or
  /// do not match the offsets; holes, overlaps, missing and trailing data.
  ///
  /// - Parameters:
  ///   - bytes: the start of the file, up to where the data starts or further.
  ///   - fileByteCount: the size of the whole file.
  ///   - file: the path of the file, for messages.
  /// - Throws: ``SafetensorsError`` that names the rule that is broken, and the tensor.
  /// - Complexity: linear in the length of the header.
  public init(parsing bytes: [UInt8], fileByteCount: Int, file: String) throws(SafetensorsError) {
    let dataStart = try Self.dataStart(
      prefix: bytes, fileByteCount: fileByteCount, file: file)
    precondition(bytes.count >= dataStart, "the bytes end before the header does")
    var parser = HeaderParser(bytes: bytes, range: 8..<dataStart, file: file)
    try parser.parse()
    let order = Self.order(parser.tensors)
    let tensors = order.map { order in order.map { parser.tensors[$0] } } ?? parser.tensors
    try Self.checkLayout(
      tensors, dataStart: dataStart, fileByteCount: fileByteCount, file: file)
    var positions = parser.positions
    for (place, tensor) in (order == nil ? [] : tensors).enumerated() {
      positions[ExactName(tensor.name)] = place
    }
    self.init(
      metadata: parser.metadata, tensors: tensors, dataStart: dataStart, positions: positions)
  }

  /// The places of the tensors by where their data starts, then where it ends, then as in the
  /// header; `nil` when they stand in that order already.
  private static func order(_ tensors: [TensorDescriptor]) -> [Int]? {
    func key(_ tensor: TensorDescriptor) -> (Int, Int) {
      (tensor.dataOffsets.lowerBound, tensor.dataOffsets.upperBound)
    }
    let isSorted = zip(tensors, tensors.dropFirst()).allSatisfy { key($0) <= key($1) }
    if isSorted { return nil }
    return tensors.indices.sorted { left, right in
      let (leftKey, rightKey) = (key(tensors[left]), key(tensors[right]))
      return leftKey == rightKey ? left < right : leftKey < rightKey
    }
  }

  private static func checkLayout(
    _ tensors: [TensorDescriptor], dataStart: Int, fileByteCount: Int, file: String
  ) throws(SafetensorsError) {
    var end = 0
    var last = ""
    for tensor in tensors {
      let offsets = tensor.dataOffsets
      if offsets.lowerBound < end { throw .overlap(file, tensor, with: last) }
      if offsets.lowerBound > end { throw .hole(file, tensor, expected: end) }
      if !offsets.isEmpty { last = tensor.name }
      end = offsets.upperBound
    }
    let available = fileByteCount - dataStart
    if end < available {
      throw .trailingBytes(file, expected: dataStart + end, byteCount: fileByteCount)
    }
    if end > available, let tensor = tensors.first(where: { $0.dataOffsets.upperBound > available })
    {
      func position(_ offset: Int) -> Int {
        let (sum, overflow) = dataStart.addingReportingOverflow(offset)
        return overflow ? Int.max : sum
      }
      throw .truncated(
        file, tensor.name, end: position(tensor.dataOffsets.upperBound), expected: position(end),
        byteCount: fileByteCount)
    }
  }
}
