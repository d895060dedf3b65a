import Safetensors
import Testing

@Suite struct JSONScannerTests {
  /// Reads a text that is one string.
  private func string(_ text: String) throws(JSONError) -> String {
    var scanner = JSONScanner(Array(text.utf8))
    let token = try scanner.string()
    try scanner.finish()
    return scanner.text(of: token)
  }

  private func check(_ text: String, dialect: JSONDialect = .strict) throws(JSONError) {
    var scanner = JSONScanner(Array(text.utf8), dialect: dialect)
    _ = try scanner.skipValue()
    try scanner.finish()
  }

  @Test(
    arguments: [
      (#""""#, ""), (#""a b""#, "a b"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
      (#""\u0041\u00e9\u00E9\uFFFF\u0000""#, "Aéé\u{FFFF}\0"),
      (#""\ud83d\ude00\uDBFF\uDFFF""#, "😀\u{10FFFF}"), ("\"é名😀\u{7F}\"", "é名😀\u{7F}"),
      (#""\\u0041""#, "\\u0041"),
    ])
  func `strings are decoded`(_ text: String, _ expected: String) throws {
    #expect(Array(try string(text).utf8) == Array(expected.utf8))
  }

  @Test(
    arguments: [
      (#""\ud800""#, "byte 1: a lone surrogate in a string"),
      (#""\udc00""#, "byte 1: a lone surrogate in a string"),
      (#""\ud800\ud800""#, "byte 1: a lone surrogate in a string"),
      (#""\ud800x\udc00""#, "byte 1: a lone surrogate in a string"),
      (#""\u12g4""#, "byte 1: an unknown escape in a string"),
      (#""\u12"#, "byte 1: an unknown escape in a string"),
      (#""\x""#, "byte 1: an unknown escape in a string"),
      (#""ab\"#, "byte 3: an unknown escape in a string"),
      ("\"a\nb\"", "byte 2: a control character in a string"),
      ("\"a\0b\"", "byte 2: a control character in a string"),
      (#" "abc"#, "byte 1: the string that starts here has no end"),
    ])
  func `broken strings are refused`(_ text: String, _ fault: String) throws {
    let error = try #require(throws: JSONError.self) { try string(text) }
    #expect(error.description == fault)
    #expect(error.code == .syntax)
  }

  @Test(
    arguments: [
      [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x20], [0xE0, 0x9F, 0xBF],
      [0xE1, 0x80], [0xE1, 0x80, 0xC0], [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
      [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xF1, 0x80, 0x80], [0xFF],
    ] as [[UInt8]])
  func `bytes that are not UTF-8 are refused`(_ bytes: [UInt8]) throws {
    let error = try #require(throws: JSONError.self) {
      var scanner = JSONScanner([0x22] + bytes + [0x22])
      _ = try scanner.string()
    }
    #expect(error.code == .invalidUTF8)
    #expect(error.offset == 1)
  }

  @Test func `two bytes are taken as the standard library takes them`() {
    for first in 0x80...0xFF as ClosedRange<UInt8> {
      for second in 0x80...0xFF as ClosedRange<UInt8> {
        for tail in [[], [0x80], [0x80, 0x80]] as [[UInt8]] {
          let bytes = [first, second] + tail
          var scanner = JSONScanner([0x22] + bytes + [0x22])
          let isTaken = (try? scanner.string()) != nil
          #expect(isTaken == (String(validating: bytes, as: UTF8.self) != nil))
        }
      }
    }
  }

  @Test(arguments: [
    "0", "-0", "1", "-1", "10", "0.5", "1.0", "1e-05", "1E+5", "-0.0e0", "123456789012345678901",
  ])
  func `numbers keep their text`(_ text: String) throws {
    var scanner = JSONScanner(Array(" \(text) ".utf8))
    let range = try scanner.number()
    try scanner.finish()
    #expect(scanner.text(in: range) == text)
  }

  @Test(arguments: [
    "", "-", "01", "-01", "+1", ".5", "1.", "1.e5", "1e", "1e+", "0x10", "1_000", "NaN",
    "Infinity", "-Infinity", "1.0.0", "--1", "tru", "truee", "nul", "True", "'a'", "[1,]", "[,1]",
    "[1 2]", "[", "[1", "]", "{\"a\":1,}", "{,}", "{\"a\"}", "{\"a\":}", "{a:1}", "{1:2}",
    "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{\"a\":1", "1 2", "{}{}", "// c", "\u{FEFF}1", "\u{A0}1",
  ])
  func `what is not JSON is refused`(_ text: String) {
    #expect(throws: JSONError.self) { try check(text) }
  }

  @Test(arguments: [
    "[]", "{}", "[[],{}]", "{\"a\":[1,\"b\",true,false,null]}", " [ 1 , 2 ] ", "\t\r\n0\n", "\"\"",
    "{\"\":{\"\":{}}}",
  ])
  func `what is JSON is taken`(_ text: String) throws {
    try check(text)
  }

  @Test(arguments: ["NaN", "Infinity", "-Infinity", "[0.0, Infinity]", "{\"a\":NaN}"])
  func `the dialect of Python has more numbers`(_ text: String) throws {
    try check(text, dialect: .python)
    #expect(throws: JSONError.self) { try check(text) }
    #expect(throws: JSONError.self) { try check("-NaN", dialect: .python) }
  }

  @Test(arguments: ["[", "{\"a\":"])
  func `a million brackets are an error, not a crash`(_ opening: String) throws {
    let text = String(repeating: opening, count: 1_000_000)
    let error = try #require(throws: JSONError.self) { try check(text) }
    #expect(error.code == .depth)
    #expect(error.offset == 128 * opening.utf8.count)
    #expect(error.detail == "nested deeper than 128 levels")
  }

  @Test func `the limit itself is allowed`() throws {
    try check(String(repeating: "[", count: 128) + String(repeating: "]", count: 128))
  }

  @Test func `errors tell what was expected, found and where`() throws {
    let error = try #require(throws: JSONError.self) { try check("{\"a\" }") }
    #expect(error.description == "byte 5: expected ':' after a key, found '}'")
  }

  @Test func `only the given range is read`() throws {
    var scanner = JSONScanner(Array("xx[1]yy".utf8), in: 2..<5)
    #expect(try scanner.skipValue() == 2..<5)
    try scanner.finish()
  }
}
