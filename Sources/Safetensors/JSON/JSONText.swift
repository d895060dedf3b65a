/// A JSON value to be written: members keep the order in which they are given.
package indirect enum JSONText: Sendable {
  /// Members in the order in which they are written.
  case object([(key: String, value: JSONText)])
  /// Elements.
  case array([JSONText])
  /// Characters; they are escaped when written.
  case string(String)
  /// `true` or `false`.
  case bool(Bool)
  /// `null`.
  case null
  /// JSON that is written as it is, such as the text of a number from another document.
  case verbatim(String)

  /// How a value is laid out.
  package enum Style: Sendable {
    /// Without white space.
    case compact
    /// One line for each member and element.
    ///
    /// `newline` is what ends a line together with the indentation of the value's own line.
    case lines(newline: [UInt8], indentation: [UInt8])

    /// One line for each member and element, indented by two spaces.
    package static let pretty = Style.lines(newline: [0x0A], indentation: [0x20, 0x20])
  }

  /// A number in as few digits as identify it; it must be finite.
  package static func number(_ value: Double) -> JSONText {
    precondition(value.isFinite, "JSON has no number \(value)")
    return .verbatim("\(value)")
  }

  /// An integer.
  package static func number(_ value: some BinaryInteger) -> JSONText { .verbatim("\(value)") }

  /// The text of the value in UTF-8, with no line feed at the end.
  package func encoded(_ style: Style = .pretty) -> [UInt8] {
    var output: [UInt8] = []
    append(to: &output, style: style)
    return output
  }

  /// Appends the text of the value.
  package func append(to output: inout [UInt8], style: Style) {
    switch self {
    case .object(let members):
      Self.append(to: &output, "{", "}", count: members.count, style) { output, index, inner in
        Self.append(string: members[index].key, to: &output)
        output.append(UInt8(ascii: ":"))
        if case .lines = style { output.append(0x20) }
        members[index].value.append(to: &output, style: inner)
      }
    case .array(let elements):
      Self.append(to: &output, "[", "]", count: elements.count, style) { output, index, inner in
        elements[index].append(to: &output, style: inner)
      }
    case .string(let text): Self.append(string: text, to: &output)
    case .bool(let value): output += Array((value ? "true" : "false").utf8)
    case .null: output += Array("null".utf8)
    case .verbatim(let text): output += Array(text.utf8)
    }
  }

  /// Appends a string in quotes; of what need not be escaped, nothing is.
  package static func append(string: String, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): output += [UInt8(ascii: "\\"), byte]
      case UInt8(ascii: "\\"): output += [UInt8(ascii: "\\"), byte]
      case 0x0A: output += Array("\\n".utf8)
      case 0x0D: output += Array("\\r".utf8)
      case 0x09: output += Array("\\t".utf8)
      case 0x08: output += Array("\\b".utf8)
      case 0x0C: output += Array("\\f".utf8)
      case 0..<0x20:
        output += Array("\\u00".utf8)
        for digit in [byte >> 4, byte & 15] {
          output.append(digit < 10 ? digit + UInt8(ascii: "0") : digit - 10 + UInt8(ascii: "a"))
        }
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }

  private static func append(
    to output: inout [UInt8], _ opening: Unicode.Scalar, _ closing: Unicode.Scalar, count: Int,
    _ style: Style, _ item: (inout [UInt8], Int, Style) -> Void
  ) {
    output.append(UInt8(ascii: opening))
    var inner = style
    if case .lines(let newline, let indentation) = style {
      inner = .lines(newline: newline + indentation, indentation: indentation)
    }
    for index in 0..<count {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      if case .lines(let newline, _) = inner { output += newline }
      item(&output, index, inner)
    }
    if count > 0, case .lines(let newline, _) = style { output += newline }
    output.append(UInt8(ascii: closing))
  }
}

extension JSONText: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
  ExpressibleByNilLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int) { self = .verbatim("\(value)") }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: JSONText...) { self = .array(elements) }
  package init(dictionaryLiteral elements: (String, JSONText)...) {
    self = .object(elements.map { (key: $0.0, value: $0.1) })
  }
  package init(nilLiteral: ()) { self = .null }
}
