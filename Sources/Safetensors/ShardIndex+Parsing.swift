extension ShardIndex {
  /// Reads an index.
  ///
  /// Keys beside `metadata` and `weight_map` are passed over, and so is whatever the metadata holds
  /// beside `total_size`; a `total_size` that is no integer is taken for none.
  ///
  /// - Parameters:
  ///   - bytes: the whole text.
  ///   - path: the path of the index, for messages.
  /// - Throws: ``SafetensorsError`` of code `malformedIndex` when the text is not JSON or not an
  ///   index, `duplicateName` when a tensor comes twice, or `unsafePath` when the name of a file
  ///   leads out of the folder.
  public init(parsing bytes: [UInt8], path: String) throws(SafetensorsError) {
    var parser = IndexParser(bytes, path: path)
    do throws(JSONError) {
      try parser.parse()
    } catch {
      throw .malformedIndex(path, "the index is not valid JSON: \(error)")
    }
    if let fault = parser.fault { throw .malformedIndex(path, fault) }
    guard let entries = parser.entries else {
      throw .malformedIndex(path, "the key 'weight_map' is missing")
    }
    try self.init(entries: entries, totalSize: parser.totalSize, path: path)
  }
}

extension SafetensorsError {
  static func malformedIndex(_ file: String, _ detail: String) -> Self {
    Self(code: .malformedIndex, file: file, detail: detail)
  }
}

/// Reads the JSON of an index; what is JSON but no index is kept as ``fault``.
private struct IndexParser {
  private var scanner: JSONScanner
  private let path: String

  private(set) var entries: [ShardIndex.Entry]?
  private(set) var totalSize: Int?
  private(set) var fault: String?

  init(_ bytes: [UInt8], path: String) {
    scanner = JSONScanner(bytes)
    self.path = path
  }

  mutating func parse() throws(JSONError) {
    guard try scanner.peek() == .object else {
      fault = "expected an object with 'metadata' and 'weight_map'"
      return
    }
    try scanner.beginObject()
    var seen: Set<ExactName> = []
    while let token = try scanner.nextKey() {
      let key = scanner.text(of: token)
      guard seen.insert(ExactName(key)).inserted else {
        fault = "the key '\(key)' comes twice"
        return
      }
      switch key {
      case "weight_map": try parseMap()
      case "metadata": try parseMetadata()
      default: _ = try scanner.skipValue()
      }
      if fault != nil { return }
    }
    try scanner.finish()
  }

  private mutating func parseMap() throws(JSONError) {
    guard try scanner.peek() == .object else {
      fault = "'weight_map' is not an object"
      return
    }
    var entries: [ShardIndex.Entry] = []
    try scanner.beginObject()
    while let token = try scanner.nextKey() {
      let tensor = scanner.text(of: token)
      guard try scanner.peek() == .string else {
        fault = "the file of tensor '\(tensor)' is not a string"
        return
      }
      entries.append(.init(tensor: tensor, file: scanner.text(of: try scanner.string())))
    }
    self.entries = entries
  }

  private mutating func parseMetadata() throws(JSONError) {
    guard try scanner.peek() == .object else {
      _ = try scanner.skipValue()
      return
    }
    try scanner.beginObject()
    while let token = try scanner.nextKey() {
      let isSize = scanner.text(of: token) == "total_size"
      let kind = try scanner.peek()
      let range = try scanner.skipValue()
      guard isSize, kind == .number else { continue }
      // Some writers give the size as a float, such as 26953670656.0.
      let text = scanner.text(in: range)
      totalSize = Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
    }
  }
}
