/// Which texts a scanner takes for JSON.
package enum JSONDialect: Sendable {
  /// RFC 8259 to the letter.
  case strict
  /// Also `NaN`, `Infinity` and `-Infinity`, which Python writes into configuration files.
  case python
}

/// The kind of a value, known from its first byte.
package enum JSONKind: Sendable {
  case object, array, string, number, bool, null
}

/// A string as it stands in the text: where its content lies, and whether it holds escapes.
package struct JSONStringToken: Sendable {
  /// The bytes between the quotes.
  package let content: Range<Int>
  /// Whether the content must be decoded rather than copied.
  package let hasEscapes: Bool
}

/// A pull scanner for JSON: the caller asks for what it expects, and no tree is built.
///
/// An object is read with ``beginObject()`` and then ``nextKey()`` until it returns `nil`, each key
/// followed by its value; an array with ``beginArray()`` and ``nextElement()``. Strict RFC 8259;
/// strings are checked to be UTF-8 with no lone surrogates. Duplicate keys are the caller's to
/// find: only it knows whether it keeps the names anyway.
package struct JSONScanner: Sendable {
  /// The bytes that the scanner reads; ranges and offsets refer to them.
  package let bytes: [UInt8]
  /// The next byte to be read.
  package private(set) var offset: Int

  /// The first byte that is no longer part of the text.
  let endOfText: Int
  private let depthLimit: Int
  private let dialect: JSONDialect
  private var depth = 0
  /// Whether an object or an array was just opened, so that no comma is due.
  private var isAtFirst = false

  /// Makes a scanner for one JSON text.
  ///
  /// - Parameters:
  ///   - bytes: bytes that hold the text.
  ///   - range: where in the bytes the text lies; everywhere when `nil`.
  ///   - depthLimit: how many objects and arrays may be open at once.
  ///   - dialect: what is taken for JSON.
  package init(
    _ bytes: [UInt8], in range: Range<Int>? = nil, depthLimit: Int = 128,
    dialect: JSONDialect = .strict
  ) {
    let range = range ?? bytes.indices
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "range out of bounds")
    self.bytes = bytes
    offset = range.lowerBound
    endOfText = range.upperBound
    self.depthLimit = depthLimit
    self.dialect = dialect
  }

  // MARK: Structure

  /// Skips white space and tells the kind of the value that follows.
  package mutating func peek() throws(JSONError) -> JSONKind {
    skipWhitespace()
    guard offset < endOfText else { throw unexpected("a value") }
    switch bytes[offset] {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "N") where dialect == .python: return .number
    case UInt8(ascii: "I") where dialect == .python: return .number
    default: throw unexpected("a value")
    }
  }

  /// Enters an object.
  package mutating func beginObject() throws(JSONError) {
    try open(UInt8(ascii: "{"), "an object")
  }

  /// Reads the next key and its colon, or leaves the object and returns `nil`.
  package mutating func nextKey() throws(JSONError) -> JSONStringToken? {
    skipWhitespace()
    if offset < endOfText, bytes[offset] == UInt8(ascii: "}") {
      close()
      return nil
    }
    if !isAtFirst {
      try expect(UInt8(ascii: ","), "',' or '}' after a member")
      skipWhitespace()
    }
    guard offset < endOfText, bytes[offset] == UInt8(ascii: "\"") else {
      throw unexpected(isAtFirst ? "a key in quotes or '}'" : "a key in quotes")
    }
    let key = try string()
    skipWhitespace()
    try expect(UInt8(ascii: ":"), "':' after a key")
    return key
  }

  /// Enters an array.
  package mutating func beginArray() throws(JSONError) {
    try open(UInt8(ascii: "["), "an array")
  }

  /// Goes to the next element, or leaves the array and returns `false`.
  package mutating func nextElement() throws(JSONError) -> Bool {
    skipWhitespace()
    if offset < endOfText, bytes[offset] == UInt8(ascii: "]") {
      close()
      return false
    }
    if isAtFirst {
      isAtFirst = false
    } else {
      try expect(UInt8(ascii: ","), "',' or ']' after an element")
    }
    return true
  }

  /// Checks that nothing but white space follows the value.
  package mutating func finish() throws(JSONError) {
    skipWhitespace()
    if offset < endOfText { throw unexpected("the end of the text") }
  }

  /// Reads a value of any kind, checks it, and returns where it lies.
  package mutating func skipValue() throws(JSONError) -> Range<Int> {
    let kind = try peek()
    let start = offset
    switch kind {
    case .object:
      try beginObject()
      while try nextKey() != nil { _ = try skipValue() }
    case .array:
      try beginArray()
      while try nextElement() { _ = try skipValue() }
    case .string: _ = try string()
    case .number: _ = try number()
    case .bool: _ = try bool()
    case .null: try null()
    }
    return start..<offset
  }

  // MARK: Scalars

  /// Reads a string.
  package mutating func string() throws(JSONError) -> JSONStringToken {
    skipWhitespace()
    try expect(UInt8(ascii: "\""), "a string")
    let start = offset
    var position = start
    var hasEscapes = false
    while position < endOfText {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        offset = position + 1
        return JSONStringToken(content: start..<position, hasEscapes: hasEscapes)
      }
      if byte == UInt8(ascii: "\\") {
        hasEscapes = true
        position = try escapeEnd(position)
      } else if byte < 0x20 {
        throw JSONError(
          code: .syntax, offset: position, detail: "a control character in a string")
      } else if byte < 0x80 {
        position += 1
      } else {
        position = try sequenceEnd(position)
      }
    }
    throw JSONError(
      code: .syntax, offset: start - 1, detail: "the string that starts here has no end")
  }

  /// Reads a number and returns where its text lies.
  package mutating func number() throws(JSONError) -> Range<Int> {
    skipWhitespace()
    let start = offset
    if offset < endOfText, bytes[offset] == UInt8(ascii: "-") { offset += 1 }
    if dialect == .python, try skipNonFinite(isNegative: offset > start) { return start..<offset }
    if offset < endOfText, bytes[offset] == UInt8(ascii: "0") {
      offset += 1
    } else {
      try skipDigits()
    }
    if offset < endOfText, bytes[offset] == UInt8(ascii: ".") {
      offset += 1
      try skipDigits()
    }
    if offset < endOfText, bytes[offset] | 0x20 == UInt8(ascii: "e") {
      offset += 1
      if offset < endOfText,
        bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-")
      {
        offset += 1
      }
      try skipDigits()
    }
    isAtFirst = false
    return start..<offset
  }

  /// Reads `true` or `false`.
  package mutating func bool() throws(JSONError) -> Bool {
    skipWhitespace()
    let isTrue = offset < endOfText && bytes[offset] == UInt8(ascii: "t")
    try literal(isTrue ? "true" : "false")
    return isTrue
  }

  /// Reads `null`.
  package mutating func null() throws(JSONError) {
    skipWhitespace()
    try literal("null")
  }

  // MARK: Inside

  private mutating func skipWhitespace() {
    while offset < endOfText {
      switch bytes[offset] {
      case 0x20, 0x0A, 0x0D, 0x09: offset += 1
      default: return
      }
    }
  }

  private mutating func open(_ byte: UInt8, _ name: String) throws(JSONError) {
    skipWhitespace()
    let start = offset
    try expect(byte, name)
    guard depth < depthLimit else {
      throw JSONError(
        code: .depth, offset: start, detail: "nested deeper than \(depthLimit) levels")
    }
    depth += 1
    isAtFirst = true
  }

  private mutating func close() {
    offset += 1
    depth -= 1
    isAtFirst = false
  }

  private mutating func expect(_ byte: UInt8, _ name: String) throws(JSONError) {
    guard offset < endOfText, bytes[offset] == byte else { throw unexpected(name) }
    offset += 1
    isAtFirst = false
  }

  private mutating func literal(_ text: String) throws(JSONError) {
    let start = offset
    for byte in text.utf8 {
      guard offset < endOfText, bytes[offset] == byte else {
        offset = start
        throw unexpected("'\(text)'")
      }
      offset += 1
    }
    isAtFirst = false
  }

  private mutating func skipDigits() throws(JSONError) {
    let start = offset
    while offset < endOfText, bytes[offset] &- UInt8(ascii: "0") < 10 { offset += 1 }
    if offset == start { throw unexpected("a digit") }
  }

  private mutating func skipNonFinite(isNegative: Bool) throws(JSONError) -> Bool {
    guard offset < endOfText else { return false }
    switch bytes[offset] {
    case UInt8(ascii: "I"): try literal("Infinity")
    case UInt8(ascii: "N") where !isNegative: try literal("NaN")
    default: return false
    }
    return true
  }

  private func unexpected(_ expected: String) -> JSONError {
    guard offset < endOfText else {
      return JSONError(
        code: .syntax, offset: offset, detail: "expected \(expected), found the end of the text")
    }
    let byte = bytes[offset]
    let found =
      (0x20..<0x7F).contains(byte)
      ? "'\(Character(Unicode.Scalar(byte)))'" : "byte 0x\(String(byte, radix: 16))"
    return JSONError(code: .syntax, offset: offset, detail: "expected \(expected), found \(found)")
  }
}
