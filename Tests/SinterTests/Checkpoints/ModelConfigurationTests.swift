import SinterTensors
import Testing

@testable import Sinter

@Suite struct ModelConfigurationTests {
  private func configuration(_ text: String) throws -> ModelConfiguration {
    try ModelConfiguration(Array(text.utf8), file: "config.json")
  }

  private func edited(
    _ text: String, _ key: [String] = ["num_hidden_layers"], layers: [Int]
  ) throws -> String {
    let configuration = try configuration(text)
    return try configuration.settingLayers(
      at: key, to: layers.map { (configuration: configuration, layer: $0) }
    ).text
  }

  // MARK: - What it says

  @Test func `ties are read from the top, then from the text part`() throws {
    #expect(try configuration("{}").tiesWordEmbeddings == nil)
    #expect(try configuration(#"{"tie_word_embeddings": false}"#).tiesWordEmbeddings == false)
    #expect(
      try configuration(#"{"text_config": {"tie_word_embeddings": true}}"#).tiesWordEmbeddings
        == true)
    #expect(
      try configuration(
        #"{"tie_word_embeddings": false, "text_config": {"tie_word_embeddings": true}}"#
      ).tiesWordEmbeddings == false)
  }

  @Test(
    arguments: [
      (#"{}"#, nil), (#"{"quantization_config": null}"#, nil),
      (#"{"quantization_config": {"quant_method": "gptq"}}"#, "gptq"),
      (#"{"quantization_config": {"quant_algo": "FP8"}}"#, "FP8"),
      (#"{"quantization_config": {}}"#, "unknown method"),
      (#"{"quantization": {"group_size": 64, "bits": 4}}"#, "4 bits"),
      (#"{"compression_config": {"quant_method": "compressed-tensors"}}"#, "compressed-tensors"),
      (#"{"a": {"b": {"quantization_config": {"quant_method": "awq"}}}}"#, "awq"),
    ] as [(String, String?)])
  func `quantization is found at any depth that models use`(text: String, method: String?) throws {
    #expect(try configuration(text).quantization == method)
  }

  @Test func `a file that is no JSON object is refused`() {
    #expect(throws: DiagnosticError.self) { try configuration("[]") }
    #expect(throws: DiagnosticError.self) { try configuration("{") }
  }

  // MARK: - The element type

  @Test func `the element type is told wherever it stood`() throws {
    let text = """
      {
        "torch_dtype": "float16", "eps": 1e-05, "big": 1.0E+10, "unknown": [1, null],
        "text_config": {"dtype": "float32", "deep": {"torch_dtype": "float32"}},
        "dtype": null
      }
      """
    let edited = try configuration(text).settingDType(.bfloat16, adds: false).text
    #expect(
      edited
        == text.replacing(#""float16""#, with: #""bfloat16""#)
        .replacing(#""float32""#, with: #""bfloat16""#))
  }

  @Test func `the element type is added when it was asked for`() throws {
    let silent = try configuration(#"{"a": 1}"#)
    #expect(try silent.settingDType(.float32, adds: false).text == #"{"a": 1}"#)
    #expect(
      try silent.settingDType(.float32, adds: true).text
        == #"{"a": 1,"torch_dtype": "float32"}"#)
    // There is no name for it.
    #expect(try silent.settingDType(.int8, adds: true).text == #"{"a": 1}"#)
  }

  // MARK: - Layers

  @Test func `the number and the lists of layers change, nothing else`() throws {
    #expect(
      try edited(
        """
        {"num_hidden_layers": 3, "layer_types": ["a", "b", "c"], "no_rope_layers": [1,0,1],
         "architectures": ["x", "y", "z"], "eos_token_ids": [1, 2, 3], "image_mean": [1, 2, 3],
         "other": [1, 2], "hidden": 3, "rope_sections": [1, 2, 3]}
        """, layers: [2, 2, 0, 1]
      ).replacing(" ", with: "")
        == """
        {"num_hidden_layers":4,"layer_types":["c","c","a","b"],"no_rope_layers":[1,1,1,0],
        "architectures":["x","y","z"],"eos_token_ids":[1,2,3],"image_mean":[1,2,3],
        "other":[1,2],"hidden":3,"rope_sections":[1,2,3]}
        """)
  }

  @Test(
    arguments: [
      (#""mlp_only_layers": [0, 2]"#, [0, 1, 2, 0], #""mlp_only_layers":[0,2,3]"#),
      (#""mlp_only_layers": [0, 1, 2]"#, [1, 1], #""mlp_only_layers":[0,1]"#),
      (#""mlp_only_layers": []"#, [1, 1], #""mlp_only_layers":[]"#),
      (#""max_window_layers": 3"#, [0, 1, 2, 2], #""max_window_layers":4"#),
      (#""max_window_layers": 28"#, [0, 1], #""max_window_layers":2"#),
      (#""max_window_layers": 1"#, [0, 0, 1], #""max_window_layers":2"#),
      (#""first_k_dense_replace": 1"#, [0, 0, 1, 2], #""first_k_dense_replace":2"#),
      (#""first_k_dense_replace": 1"#, [1, 2], #""first_k_dense_replace":0"#),
      (#""hybrid_override_pattern": "M*-""#, [2, 0, 0], #""hybrid_override_pattern":"-MM""#),
      (#""cross_attention_layers": [1]"#, [0, 1, 2, 1], #""cross_attention_layers":[1,3]"#),
    ] as [(String, [Int], String)])
  func `other ways to speak of layers`(member: String, layers: [Int], expected: String) throws {
    let text = try edited(#"{"num_hidden_layers": 3, \#(member)}"#, layers: layers)
    #expect(
      text.replacing(" ", with: "") == #"{"num_hidden_layers":\#(layers.count),\#(expected)}"#)
  }

  @Test func `the entries are those of the layers' own models`() throws {
    let a = try configuration(
      #"{"n_layer": 2, "layer_types": ["a0", "a1"], "mlp_only_layers": [0]}"#)
    let b = try configuration(
      #"{"n_layer": 3, "layer_types": ["b0", "b1", "b2"], "mlp_only_layers": [2]}"#)
    #expect(
      try a.settingLayers(at: ["n_layer"], to: [(a, 0), (a, 1), (b, 0), (b, 2)]).text
        .replacing(" ", with: "")
        == #"{"n_layer":4,"layer_types":["a0","a1","b0","b2"],"mlp_only_layers":[0,3]}"#)
    let silent = try configuration(#"{"n_layer": 3}"#)
    #expect(
      try a.settingLayers(at: ["n_layer"], to: [(silent, 1)]).text.contains(#"["a1"]"#))
    #expect(throws: DiagnosticError.self) {
      try a.settingLayers(at: ["n_layer"], to: [(silent, 2)])
    }
  }

  @Test func `rules by number that a new order breaks are told`() throws {
    let configuration = try configuration(
      #"{"num_hidden_layers": 4, "full_attention_interval": 2, "first_k_dense_replace": 1}"#)
    func keys(_ layers: [Int]) -> [String] {
      configuration.layerRemarks(at: ["num_hidden_layers"], for: layers).map {
        String($0.message.split(separator: "'")[0])
      }
    }
    #expect(keys([0, 1, 2, 3]) == [])
    #expect(keys([0, 1, 2, 3, 2, 3]) == [])
    #expect(keys([0, 1, 1, 2]) == ["full_attention_interval"])
    #expect(keys([0, 1, 0, 1]) == ["first_k_dense_replace"])
  }
}
