/// A JSON text that can be read as a tree and edited without touching the rest of its bytes.
///
/// Numbers keep their text, members their order, and white space stays as it is: an edit replaces
/// the bytes of what it names and no others. Duplicate keys are refused.
package struct JSONDocument: Sendable {
  /// A step from a value to one that it holds.
  package enum Step: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    CustomStringConvertible
  {
    /// The member of an object.
    case key(String)
    /// The element of an array.
    case index(Int)

    package init(stringLiteral value: String) { self = .key(value) }
    package init(integerLiteral value: Int) { self = .index(value) }

    /// The step as it is written in messages.
    package var description: String {
      switch self {
      case .key(let key): "'\(key)'"
      case .index(let index): "\(index)"
      }
    }
  }

  /// The text, byte for byte.
  package let bytes: [UInt8]
  /// The value that the text holds.
  package let root: JSONValue
  /// What was taken for JSON when the text was read.
  package let dialect: JSONDialect

  /// Reads a JSON text.
  ///
  /// - Parameters:
  ///   - bytes: the whole text.
  ///   - dialect: what is taken for JSON.
  /// - Throws: ``JSONError`` that tells the byte and the fault.
  package init(parsing bytes: [UInt8], dialect: JSONDialect = .strict) throws(JSONError) {
    var scanner = JSONScanner(bytes, dialect: dialect)
    root = try Self.value(&scanner)
    try scanner.finish()
    self.bytes = bytes
    self.dialect = dialect
  }

  /// Reads a JSON text.
  package init(parsing text: String, dialect: JSONDialect = .strict) throws(JSONError) {
    try self.init(parsing: Array(text.utf8), dialect: dialect)
  }

  /// The text.
  package var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The text of one value, as it stands in the document.
  package func text(of value: JSONValue) -> String {
    String(decoding: bytes[value.range], as: UTF8.self)
  }

  /// The value of a member of the outermost object.
  package subscript(key: String) -> JSONValue? { root[key] }

  /// The value at the end of a path; the document's own for an empty one.
  package func value(at path: [Step]) -> JSONValue? {
    var value = root
    for step in path {
      let next =
        switch step {
        case .key(let key): value[key]
        case .index(let index): value[index]
        }
      guard let next else { return nil }
      value = next
    }
    return value
  }

  private static func value(_ scanner: inout JSONScanner) throws(JSONError) -> JSONValue {
    let kind = try scanner.peek()
    let start = scanner.offset
    let content: JSONValue.Content
    switch kind {
    case .object: content = .object(try members(&scanner))
    case .array:
      var elements: [JSONValue] = []
      try scanner.beginArray()
      while try scanner.nextElement() { elements.append(try value(&scanner)) }
      content = .array(elements)
    case .string: content = .string(scanner.text(of: try scanner.string()))
    case .number: content = .number(scanner.text(in: try scanner.number()))
    case .bool: content = .bool(try scanner.bool())
    case .null:
      try scanner.null()
      content = .null
    }
    return JSONValue(content: content, range: start..<scanner.offset)
  }

  private static func members(
    _ scanner: inout JSONScanner
  ) throws(JSONError) -> [JSONValue.Member] {
    var members: [JSONValue.Member] = []
    var keys: Set<ExactName> = []
    try scanner.beginObject()
    while let token = try scanner.nextKey() {
      let key = scanner.text(of: token)
      let range = token.content.lowerBound - 1..<token.content.upperBound + 1
      guard keys.insert(ExactName(key)).inserted else {
        throw JSONError(
          code: .duplicateKey, offset: range.lowerBound, detail: "the key '\(key)' comes twice")
      }
      members.append(.init(key: key, keyRange: range, value: try value(&scanner)))
    }
    return members
  }
}
