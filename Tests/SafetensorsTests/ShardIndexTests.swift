import Safetensors
import Testing

private let path = "m/model.safetensors.index.json"

@Suite struct ShardIndexTests {
  private func parse(_ text: String) throws(SafetensorsError) -> ShardIndex {
    try ShardIndex(parsing: Array(text.utf8), path: path)
  }

  @Test func `the text is that of transformers`() throws {
    let index = try ShardIndex(
      entries: [
        .init(tensor: "z", file: "model-00001-of-00002.safetensors"),
        .init(tensor: "a.\"b\"", file: "model-00002-of-00002.safetensors"),
        .init(tensor: "m", file: "model-00001-of-00002.safetensors"),
      ], totalSize: 123_456_789_012, path: path)
    let text = #"""
      {
        "metadata": {
          "total_size": 123456789012
        },
        "weight_map": {
          "z": "model-00001-of-00002.safetensors",
          "a.\"b\"": "model-00002-of-00002.safetensors",
          "m": "model-00001-of-00002.safetensors"
        }
      }

      """#
    #expect(String(decoding: index.encoded(), as: UTF8.self) == text)
    let again = try parse(text)
    #expect(again == index)
    #expect(
      again.files == ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"])
    #expect(again["a.\"b\""] == "model-00002-of-00002.safetensors")
    #expect(again["absent"] == nil)
  }

  @Test(
    arguments: [
      (#"{"weight_map":{}}"#, nil), (#"{"metadata":{},"weight_map":{}}"#, nil),
      (#"{"metadata":null,"weight_map":{}}"#, nil),
      (#"{"metadata":{"total_size":26953670656.0},"weight_map":{}}"#, 26_953_670_656),
      (#"{"metadata":{"total_size":"12"},"weight_map":{}}"#, nil),
      (#"{"metadata":{"total_size":1.5},"weight_map":{}}"#, nil),
      (#"{"weight_map":{},"extra":[{}],"metadata":{"total_parameters":1,"total_size":4}}"#, 4),
    ] as [(String, Int?)])
  func `what else an index holds is passed over`(_ text: String, _ size: Int?) throws {
    #expect(try parse(text).totalSize == size)
  }

  @Test(arguments: [
    ("[]", "expected an object with 'metadata' and 'weight_map'"),
    ("{}", "the key 'weight_map' is missing"),
    (#"{"weight_map":[]}"#, "'weight_map' is not an object"),
    (#"{"weight_map":{"a":1}}"#, "the file of tensor 'a' is not a string"),
    (#"{"weight_map":{},"weight_map":{}}"#, "the key 'weight_map' comes twice"),
    (
      #"{"weight_map":{}"#,
      "the index is not valid JSON: byte 16: expected ',' or '}' after a member, "
        + "found the end of the text"
    ),
  ])
  func `what is no index is refused`(_ text: String, _ fault: String) throws {
    let error = try #require(throws: SafetensorsError.self) { try parse(text) }
    #expect(error.code == .malformedIndex)
    #expect(error.description == "'\(path)': \(fault)")
  }

  @Test func `a tensor that comes twice is refused`() throws {
    let error = try #require(throws: SafetensorsError.self) {
      try parse(#"{"weight_map":{"a":"x","\u0061":"y"}}"#)
    }
    #expect(error.code == .duplicateName)
    #expect(error.description == "'\(path)': tensor 'a': the name comes twice")
  }

  @Test(arguments: [
    ("../evil", "../evil", "the path leaves its folder"),
    ("/etc/passwd", "/etc/passwd", "the path is absolute"),
    ("x/../../evil", "x/../../evil", "the path leaves its folder"),
    (#"a\u0000b"#, "a\\u{0}b", "the name holds a NUL"), ("", "", "the name is empty"),
  ])
  func `no file may leave the folder`(_ text: String, _ name: String, _ fault: String) throws {
    let error = try #require(throws: SafetensorsError.self) {
      try parse(#"{"weight_map":{"a":"\#(text)"}}"#)
    }
    #expect(error.code == .unsafePath)
    #expect(error.description == "'\(path)': tensor 'a': file name '\(name)': \(fault)")
  }
}
