/// What is inside the quotes: UTF-8 and escapes.
extension JSONScanner {
  /// The characters of a string that was read, escapes decoded.
  package func text(of token: JSONStringToken) -> String {
    guard token.hasEscapes else { return String(decoding: bytes[token.content], as: UTF8.self) }
    var decoded: [UInt8] = []
    decoded.reserveCapacity(token.content.count)
    var position = token.content.lowerBound
    while position < token.content.upperBound {
      let byte = bytes[position]
      if byte != UInt8(ascii: "\\") {
        decoded.append(byte)
        position += 1
      } else if bytes[position + 1] == UInt8(ascii: "u") {
        let scalar = escapedScalar(position)
        decoded.append(contentsOf: String(Character(scalar.value)).utf8)
        position = scalar.end
      } else {
        decoded.append(Self.unescaped(bytes[position + 1]))
        position += 2
      }
    }
    return String(decoding: decoded, as: UTF8.self)
  }

  /// The characters that a range of the text holds, which must be valid UTF-8.
  package func text(in range: Range<Int>) -> String {
    String(decoding: bytes[range], as: UTF8.self)
  }

  /// Checks the escape that starts at a backslash and returns where it ends.
  func escapeEnd(_ position: Int) throws(JSONError) -> Int {
    guard position + 1 < endOfText else { throw badEscape(position) }
    switch bytes[position + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return position + 2
    case UInt8(ascii: "u"):
      guard let unit = codeUnit(position) else { throw badEscape(position) }
      if !(0xD800...0xDFFF).contains(unit) { return position + 6 }
      // A high half must be followed at once by the escape of a low half.
      guard unit < 0xDC00, let low = codeUnit(position + 6), (0xDC00...0xDFFF).contains(low) else {
        throw JSONError(code: .syntax, offset: position, detail: "a lone surrogate in a string")
      }
      return position + 12
    default:
      throw badEscape(position)
    }
  }

  /// Checks the UTF-8 sequence of two to four bytes that starts here and returns where it ends.
  ///
  /// The allowed second bytes are those of table 3-7 of the Unicode standard: they exclude overlong
  /// forms, surrogates and what lies beyond U+10FFFF.
  func sequenceEnd(_ position: Int) throws(JSONError) -> Int {
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch bytes[position] {
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: length = 4
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: throw notUTF8(position)
    }
    guard position + length <= endOfText, second.contains(bytes[position + 1]) else {
      throw notUTF8(position)
    }
    for index in position + 2..<max(position + 2, position + length)
    where !(0x80...0xBF).contains(bytes[index]) {
      throw notUTF8(position)
    }
    return position + length
  }

  private func badEscape(_ position: Int) -> JSONError {
    JSONError(code: .syntax, offset: position, detail: "an unknown escape in a string")
  }

  private func notUTF8(_ position: Int) -> JSONError {
    JSONError(
      code: .invalidUTF8, offset: position,
      detail: "byte 0x\(String(bytes[position], radix: 16)) does not start a UTF-8 sequence")
  }

  /// The number of an escape `\uXXXX`; `nil` when there is none.
  private func codeUnit(_ position: Int) -> UInt32? {
    guard position + 6 <= endOfText, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
    else { return nil }
    var unit: UInt32 = 0
    for index in position + 2..<position + 6 {
      let digit: UInt8
      switch bytes[index] {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = bytes[index] - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = bytes[index] - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = bytes[index] - UInt8(ascii: "A") + 10
      default: return nil
      }
      unit = unit << 4 | UInt32(digit)
    }
    return unit
  }

  /// The scalar of one escape, or of a pair of surrogate halves, that was checked before.
  private func escapedScalar(_ position: Int) -> (value: Unicode.Scalar, end: Int) {
    let unit = codeUnit(position) ?? 0xFFFD
    if let scalar = Unicode.Scalar(unit) { return (scalar, position + 6) }
    let low = codeUnit(position + 6) ?? 0xDC00
    let value = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
    return (Unicode.Scalar(value) ?? "\u{FFFD}", position + 12)
  }

  private static func unescaped(_ letter: UInt8) -> UInt8 {
    switch letter {
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0C
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "t"): 0x09
    default: letter
    }
  }
}
