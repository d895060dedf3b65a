import Safetensors
import Testing

private let config = """
  {
    "architectures": [
      "LlamaForCausalLM"
    ],
    "rms_norm_eps": 1e-05,
    "rope_theta": 10000.0,
    "scale": 1.0,  "zero": -0,
    "tie_word_embeddings": false,
    "quantization_config": null,
    "nested": {
      "vocab_size": 32000
    },
    "name": "caf\\u00e9 / \\/"
  }

  """

@Suite struct JSONDocumentTests {
  @Test func `values are read`() throws {
    let document = try JSONDocument(parsing: config)
    #expect(document["architectures"]?[0]?.string == "LlamaForCausalLM")
    #expect(document["architectures"]?.array?.count == 1)
    #expect(document["architectures"]?[1] == nil)
    #expect(document["rms_norm_eps"]?.double == 1e-05)
    #expect(document["rms_norm_eps"]?.number == "1e-05")
    #expect(document["rope_theta"]?.number == "10000.0")
    #expect(document["rope_theta"]?.int == nil)
    #expect(document["zero"]?.number == "-0")
    #expect(document["tie_word_embeddings"]?.bool == false)
    #expect(document["quantization_config"]?.isNull == true)
    #expect(document["nested"]?["vocab_size"]?.int == 32000)
    #expect(document["name"]?.string == "café / /")
    #expect(document["absent"] == nil)
    #expect(document["name"]?["x"] == nil)
    #expect(document.root.object?.map { $0.key }.prefix(2) == ["architectures", "rms_norm_eps"])
    #expect(document.text == config)
    #expect(try JSONDocument(parsing: "1e999").root.double == nil)
    #expect(try JSONDocument(parsing: "12345678901234567890").root.int == nil)
  }

  @Test func `each value knows its bytes`() throws {
    let document = try JSONDocument(parsing: config)
    let nested = try #require(document["nested"])
    #expect(document.text(of: nested) == "{\n    \"vocab_size\": 32000\n  }")
    let name = try #require(document["name"])
    #expect(document.text(of: name) == "\"caf\\u00e9 / \\/\"")
  }

  @Test(arguments: [
    (#"{"a":1,"a":2}"#, 7, "a"), (#"{"x":{"k":1,"\u006b":2}}"#, 12, "k"),
    (#"[{"":1, "":1}]"#, 8, ""),
  ])
  func `duplicate keys are refused`(_ text: String, _ offset: Int, _ key: String) throws {
    let error = try #require(throws: JSONError.self) { try JSONDocument(parsing: text) }
    #expect(error.code == .duplicateKey)
    #expect(error.description == "byte \(offset): the key '\(key)' comes twice")
  }

  @Test func `keys that differ in bytes alone are two`() throws {
    let document = try JSONDocument(parsing: "{\"\u{E9}\":1,\"e\u{301}\":2}")
    #expect(document["\u{E9}"]?.int == 1)
    #expect(document["e\u{301}"]?.int == 2)
  }

  @Test func `replacing touches nothing else`() throws {
    let document = try JSONDocument(parsing: config)
    let edited = try document.replacing(["nested", "vocab_size"], with: 32064)
      .replacing(["architectures", 0], with: "Other\n")
      .replacing(["scale"], with: .verbatim("2.50"))
    let expected = config.replacing("32000", with: "32064")
      .replacing("\"LlamaForCausalLM\"", with: "\"Other\\n\"")
      .replacing("\"scale\": 1.0", with: "\"scale\": 2.50")
    #expect(edited.text == expected)
  }

  @Test func `a container takes the indentation of its line`() throws {
    let document = try JSONDocument(parsing: config)
    let edited = try document.replacing(["nested", "vocab_size"], with: ["a": 1, "b": []])
    #expect(
      edited.text
        == config.replacing("32000", with: "{\n      \"a\": 1,\n      \"b\": []\n    }"))
  }

  @Test func `setting replaces or adds`() throws {
    let document = try JSONDocument(parsing: config)
    #expect(
      try document.setting(["scale"], to: 2).text
        == config.replacing("\"scale\": 1.0", with: "\"scale\": 2"))
    #expect(
      try document.setting(["nested", "eos"], to: [1, 2]).text
        == config.replacing(
          "32000", with: "32000,\n    \"eos\": [\n      1,\n      2\n    ]"))
    #expect(
      try document.setting(["last"], to: true).text
        == config.replacing("\\/\"\n}", with: "\\/\",\n  \"last\": true\n}"))
  }

  @Test(arguments: [
    (#"{}"#, #"{"k": 1}"#), (#"{"a":0}"#, #"{"a":0,"k":1}"#),
    (#"{"a": 0, "b": 1}"#, #"{"a": 0, "b": 1, "k": 1}"#),
    ("{\n}\n", "{\n  \"k\": 1\n}\n"),
    ("{\r\n\t\"a\" : 0\r\n}", "{\r\n\t\"a\" : 0,\r\n\t\"k\" : 1\r\n}"),
    ("{ \"a\": [1,2] , \"b\": 0 }", "{ \"a\": [1,2] , \"b\": 0, \"k\": 1 }"),
  ])
  func `a new member looks like its siblings`(_ text: String, _ expected: String) throws {
    #expect(try JSONDocument(parsing: text).setting(["k"], to: 1).text == expected)
  }

  @Test func `line ends of the document are kept in new containers`() throws {
    let document = try JSONDocument(parsing: "{\r\n\t\"a\": {}\r\n}")
    #expect(
      try document.setting(["a", "k"], to: [1]).text
        == "{\r\n\t\"a\": {\r\n\t\t\"k\": [\r\n\t\t\t1\r\n\t\t]\r\n\t}\r\n}")
  }

  @Test(arguments: [
    ("a", "{\n  \"b\": 2,\n  \"c\": 3\n}"), ("b", "{\n  \"a\": 1,\n  \"c\": 3\n}"),
    ("c", "{\n  \"a\": 1,\n  \"b\": 2\n}"),
  ])
  func `removing takes the comma along`(_ key: String, _ expected: String) throws {
    let document = try JSONDocument(parsing: "{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}")
    #expect(try document.removing([.key(key)]).text == expected)
    #expect(try JSONDocument(parsing: "{\n \"a\": 1\n}").removing(["a"]).text == "{}")
  }

  @Test func `edits of what is not there are refused`() throws {
    let document = try JSONDocument(parsing: config)
    for edit in [
      { try document.replacing(["absent"], with: 1) },
      { try document.setting(["absent", "k"], to: 1) },
      { try document.setting(["architectures", 5], to: 1) },
      { try document.setting(["name", "k"], to: 1) },
      { try document.removing(["nested", "absent"]) },
    ] as [() throws -> JSONDocument] {
      let error = try #require(throws: JSONError.self) { try edit() }
      #expect(error.code == .noSuchValue)
    }
    #expect(throws: JSONError.self) { try document.replacing(["scale"], with: .verbatim("1,")) }
  }
}

extension String {
  /// The text with the one place where `old` stands replaced.
  fileprivate func replacing(_ old: String, with new: String) -> String {
    let (bytes, pattern) = (Array(utf8), Array(old.utf8))
    let starts = (0...bytes.count - pattern.count).filter {
      bytes[$0..<$0 + pattern.count].elementsEqual(pattern)
    }
    precondition(starts.count == 1, "'\(old)' stands at \(starts.count) places")
    return String(decoding: bytes[..<starts[0]], as: UTF8.self) + new
      + String(decoding: bytes[(starts[0] + pattern.count)...], as: UTF8.self)
  }
}
