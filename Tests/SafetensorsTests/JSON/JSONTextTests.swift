import Safetensors
import Testing

@Suite struct JSONTextTests {
  private let text: JSONText = [
    "z": 1, "a": [], "list": [true, nil, "x"], "object": ["k": .number(1e-05)], "empty": [:],
  ]

  @Test func `compact has no white space`() {
    #expect(
      String(decoding: text.encoded(.compact), as: UTF8.self)
        == #"{"z":1,"a":[],"list":[true,null,"x"],"object":{"k":1e-05},"empty":{}}"#)
  }

  @Test func `pretty has a line for each member and element`() {
    #expect(
      String(decoding: text.encoded(), as: UTF8.self) == """
        {
          "z": 1,
          "a": [],
          "list": [
            true,
            null,
            "x"
          ],
          "object": {
            "k": 1e-05
          },
          "empty": {}
        }
        """)
  }

  @Test func `every scalar below U+0300 survives a round trip`() throws {
    let characters = (0..<0x300).compactMap { Unicode.Scalar($0 as UInt32) }
    let string = String(String.UnicodeScalarView(characters)) + "\u{FFFF}😀\u{10FFFF}"
    let encoded = JSONText.string(string).encoded()
    #expect(!encoded.contains { $0 < 0x20 })
    let decoded = try JSONDocument(parsing: encoded).root.string
    #expect(decoded.map { Array($0.utf8) } == Array(string.utf8))
  }

  @Test func `control characters are escaped in the short form where there is one`() {
    #expect(
      String(decoding: JSONText.string("\u{1}\u{1F}\n\"\\/").encoded(), as: UTF8.self)
        == #""\u0001\u001f\n\"\\/""#)
  }

  @Test(arguments: [
    0, -0.0, 1, 0.1, 1e-5, 1e16, .leastNonzeroMagnitude, .greatestFiniteMagnitude, -2.5e-8,
  ])
  func `numbers come back as they were`(_ value: Double) throws {
    let read = try JSONDocument(parsing: JSONText.number(value).encoded()).root.double
    #expect(read?.bitPattern == value.bitPattern)
  }
}
