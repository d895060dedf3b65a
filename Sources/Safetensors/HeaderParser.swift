import SinterTensors

/// Reads the JSON of a header straight from its bytes and checks each entry by itself.
struct HeaderParser {
  private var scanner: JSONScanner
  private let file: String
  /// The place of each tensor among ``tensors``.
  private(set) var positions: [ExactName: Int] = [:]
  /// The tensor that is being read, for messages.
  private var current: String?

  /// The tensors in the order of the header.
  private(set) var tensors: [TensorDescriptor] = []
  /// What stands under `__metadata__`.
  private(set) var metadata: SafetensorsMetadata?

  init(bytes: [UInt8], range: Range<Int>, file: String) {
    // A header is an object of objects of arrays; a little more lets errors be precise.
    scanner = JSONScanner(bytes, in: range, depthLimit: 16)
    self.file = file
  }

  mutating func parse() throws(SafetensorsError) {
    // What does not start with a brace is most often no safetensors file at all.
    guard (try? scanner.peek()) == .object else { throw .headerNotObject(file) }
    try json { scanner throws(JSONError) in try scanner.beginObject() }
    while let token = try nextKey() {
      let name = scanner.text(of: token)
      if name == SafetensorsHeader.metadataName {
        guard metadata == nil else { throw .malformedMetadata(file, "the name comes twice") }
        try parseMetadata()
      } else {
        guard positions.updateValue(tensors.count, forKey: ExactName(name)) == nil else {
          throw .duplicateName(file, name)
        }
        current = name
        try parseTensor(name)
        current = nil
      }
    }
    try json { scanner throws(JSONError) in try scanner.finish() }
  }

  // MARK: Metadata

  private mutating func parseMetadata() throws(SafetensorsError) {
    guard try peek() == .object else {
      throw .malformedMetadata(file, "expected an object of strings")
    }
    var entries: [SafetensorsMetadata.Entry] = []
    var keys: Set<ExactName> = []
    try json { scanner throws(JSONError) in try scanner.beginObject() }
    while let token = try nextKey() {
      let key = scanner.text(of: token)
      guard keys.insert(ExactName(key)).inserted else {
        throw .malformedMetadata(file, "the key '\(key)' comes twice")
      }
      guard try peek() == .string else {
        throw .malformedMetadata(file, "the value of '\(key)' is not a string")
      }
      entries.append(.init(key: key, value: try string()))
    }
    metadata = SafetensorsMetadata(entries: entries)
  }

  // MARK: Tensors

  private mutating func parseTensor(_ name: String) throws(SafetensorsError) {
    guard try peek() == .object else {
      throw .malformedTensor(file, name, "expected an object with dtype, shape and data_offsets")
    }
    var dtype: DType?
    var shape: Shape?
    var offsets: (begin: Int, end: Int)?
    try json { scanner throws(JSONError) in try scanner.beginObject() }
    while let token = try nextKey() {
      let key = scanner.text(of: token)
      switch key {
      case "dtype" where dtype == nil: dtype = try parseDType(name)
      case "shape" where shape == nil: shape = Shape(try integers(name, key: key))
      case "data_offsets" where offsets == nil:
        let values = try integers(name, key: key)
        guard values.count == 2 else {
          throw .malformedTensor(file, name, "'data_offsets' has \(values.count) numbers, not 2")
        }
        offsets = (values[0], values[1])
      case "dtype", "shape", "data_offsets":
        throw .malformedTensor(file, name, "the key '\(key)' comes twice")
      default:
        throw .malformedTensor(file, name, "unknown key '\(key)'")
      }
    }
    guard let dtype else { throw .malformedTensor(file, name, "the key 'dtype' is missing") }
    guard let shape else { throw .malformedTensor(file, name, "the key 'shape' is missing") }
    guard let offsets else {
      throw .malformedTensor(file, name, "the key 'data_offsets' is missing")
    }
    tensors.append(try checked(name, dtype, shape, offsets))
  }

  private func checked(
    _ name: String, _ dtype: DType, _ shape: Shape, _ offsets: (begin: Int, end: Int)
  ) throws(SafetensorsError) -> TensorDescriptor {
    guard offsets.begin <= offsets.end else {
      throw .offsetsReversed(file, name, offsets.begin, offsets.end)
    }
    let tensor = TensorDescriptor(
      name: name, dtype: dtype, shape: shape, dataOffsets: offsets.begin..<offsets.end)
    switch dtype.byteCount(of: shape) {
    case .overflow: throw .sizeOverflow(file, name, dtype, shape)
    case .partialByte: throw .partialByte(file, name, dtype, shape)
    case .bytes(let expected):
      if expected != tensor.byteCount { throw .sizeMismatch(file, tensor, expected: expected) }
    }
    return tensor
  }

  private mutating func parseDType(_ name: String) throws(SafetensorsError) -> DType {
    guard try peek() == .string else {
      throw .malformedTensor(file, name, "'dtype' is not a string")
    }
    let text = try string()
    guard let dtype = DType(rawValue: text) else { throw .unknownDType(file, name, text) }
    return dtype
  }

  private mutating func integers(
    _ name: String, key: String
  ) throws(SafetensorsError) -> [Int] {
    guard try peek() == .array else {
      throw .malformedTensor(file, name, "'\(key)' is not a list of integers")
    }
    var values: [Int] = []
    try json { scanner throws(JSONError) in try scanner.beginArray() }
    while try json({ scanner throws(JSONError) in try scanner.nextElement() }) {
      guard try peek() == .number else {
        throw .malformedTensor(file, name, "'\(key)' is not a list of integers")
      }
      let range = try json { scanner throws(JSONError) in try scanner.number() }
      guard let value = integer(range) else {
        throw .invalidNumber(file, name, key: key, found: scanner.text(in: range))
      }
      values.append(value)
    }
    return values
  }

  /// The integer that stands in a range; `nil` for signs, fractions, exponents and overflow.
  private func integer(_ range: Range<Int>) -> Int? {
    var value = 0
    for index in range {
      let digit = scanner.bytes[index] &- UInt8(ascii: "0")
      if digit > 9 { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflowAgain) = product.addingReportingOverflow(Int(digit))
      if overflow || overflowAgain { return nil }
      value = sum
    }
    return value
  }

  // MARK: Scanning, with faults said of the file

  private mutating func peek() throws(SafetensorsError) -> JSONKind {
    try json { scanner throws(JSONError) in try scanner.peek() }
  }

  private mutating func nextKey() throws(SafetensorsError) -> JSONStringToken? {
    try json { scanner throws(JSONError) in try scanner.nextKey() }
  }

  private mutating func string() throws(SafetensorsError) -> String {
    let token = try json { scanner throws(JSONError) in try scanner.string() }
    return scanner.text(of: token)
  }

  private mutating func json<Result>(
    _ scan: (inout JSONScanner) throws(JSONError) -> Result
  ) throws(SafetensorsError) -> Result {
    do throws(JSONError) {
      return try scan(&scanner)
    } catch {
      throw .headerNotJSON(file, tensor: current, error)
    }
  }
}
