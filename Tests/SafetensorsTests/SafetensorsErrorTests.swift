import Safetensors
import Testing

@Suite struct SafetensorsErrorTests {
  /// The error of a file whose only tensor has this name, as JSON text, and no dtype.
  private func error(naming name: String) throws -> SafetensorsError {
    try #require(throws: SafetensorsError.self) { try parse(fileBytes("{\"\(name)\":{}}")) }
  }

  @Test func `a name cannot steer the terminal`() throws {
    let error = try error(naming: #"\u001b[2J\n\u202e\u0085é😀"#)
    #expect(error.tensor == "\u{1B}[2J\n\u{202E}\u{85}é😀")
    #expect(
      error.description
        == #"'model.safetensors': tensor '\u{1b}[2J\u{a}\u{202e}\u{85}é😀': "#
        + "the key 'dtype' is missing")
  }

  @Test func `a long name is cut in the text alone`() throws {
    let error = try error(naming: String(repeating: "x", count: 1_000_000))
    #expect(error.tensor?.count == 1_000_000)
    #expect(error.description.count == 2001)
    #expect(error.description.last == "…")
  }

  @Test func `a tensor that an error is said of is not replaced by another`() throws {
    let fault = try #require(throws: SafetensorsError.self) { try parse([1, 2, 3]) }
    #expect(fault.tensor == nil)
    #expect(fault.naming("near").naming("far").tensor == "near")
  }

  @Test func `codes have names`() {
    #expect(SafetensorsError.Code.truncated.description == "truncated")
    #expect(SafetensorsError.Code.truncated != .trailingBytes)
  }
}
