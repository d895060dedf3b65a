import Testing

@testable import Sinter

@Suite struct AdapterConfigurationTests {
  private func read(_ text: String) throws -> AdapterConfiguration {
    try AdapterConfiguration(Array(text.utf8), file: "c.json")
  }

  private func faults(_ text: String) -> [String] {
    do {
      _ = try read(text)
      return []
    } catch let error as DiagnosticError {
      return error.diagnostics.map(\.description)
    } catch {
      return ["\(error)"]
    }
  }

  private func peft(_ members: String) -> String {
    #"{"peft_type": "LORA", "r": 4, "lora_alpha": 8\#(members.isEmpty ? "" : ", " + members)}"#
  }

  @Test func `scale is alpha over rank, or over its root`() throws {
    #expect(try read(peft("")).scale(of: "q", rank: 4) == 2)
    #expect(try read(peft(#""use_rslora": true"#)).scale(of: "q", rank: 4) == 4)
  }

  @Test func `the first pattern that matches gives rank and alpha`() throws {
    let configuration = try read(
      peft(#""rank_pattern": {"q": 2, "layers.0.q": 3}, "alpha_pattern": {"k": 1}"#))
    #expect(configuration.rank(of: "layers.0.q") == 2)
    #expect(configuration.rank(of: "layers.0.k") == 4)
    #expect(configuration.scale(of: "layers.0.q", rank: 2) == 4)
    #expect(configuration.scale(of: "layers.0.k", rank: 4) == 0.25)
  }

  @Test func `null, false and empty members count for nothing`() throws {
    _ = try read(
      peft(#""use_qalora": false, "arrow_config": null, "new": {}, "other": [], "n": 0, "s": "" "#))
  }

  @Test(arguments: [
    (#""use_qalora": true"#, "'use_qalora'"), (#""use_bdlora": {"a": 1}"#, "'use_bdlora'"),
    (#""kasa_config": {"a": 1}"#, "'kasa_config'"),
    (#""arrow_config": {"a": 1}"#, "'arrow_config'"),
    (#""alora_invocation_tokens": [1]"#, "'alora_invocation_tokens'"),
    (#""layer_replication": [[0, 1]]"#, "'layer_replication'"),
    (#""init_lora_weights": "pissa_niter_4""#, "'init_lora_weights' is 'pissa_niter_4'"),
    (#""init_lora_weights": "olora""#, "'init_lora_weights' is 'olora'"),
    (#""init_lora_weights": "loftq""#, "'init_lora_weights' is 'loftq'"),
    (#""use_novelty": true"#, "unknown setting 'use_novelty'"),
    (#""bias": "some""#, "'bias' must be none, all or lora_only"),
    (#""use_dora": "yes""#, "'use_dora' must be true or false, found \"yes\""),
    (#""rank_pattern": {"q": 0}"#, "'rank_pattern.q' must be a whole number from 1 on"),
    (#""rank_pattern": {"(": 1}"#, "'(' of 'rank_pattern' is no regular expression"),
    (#""trainable_token_indices": [1, 1]"#, "names a token twice"),
    (#""trainable_token_indices": [-1]"#, "'trainable_token_indices' must be"),
    (#""lora_bias": true, "use_dora": true"#, "exclude each other"),
  ])
  func `what is not supported is refused by name`(members: String, message: String) {
    let found = faults(peft(members))
    #expect(found.count == 1)
    #expect(found.first?.contains(message) == true, "\(found)")
  }

  @Test(arguments: [
    "gaussian", "eva", "orthogonal", "mica",
  ])
  func `a start that leaves the base alone is no matter`(name: String) throws {
    _ = try read(peft(#""init_lora_weights": "\#(name)""#))
  }

  @Test(arguments: ["LOHA", "LOKR", "IA3", "VERA", "OFT", "BOFT", "ADALORA", "XLORA", "HIRA"])
  func `other kinds of adapters are refused by name`(type: String) {
    #expect(
      faults(#"{"peft_type": "\#(type)"}"#) == [
        """
        c.json: error: adapters of type '\(type)' are not supported, only LoRA is
        hint: merge it into its base with the library that trained it, and use the result
        """
      ])
  }

  @Test func `all faults are told at once`() {
    #expect(
      faults(#"{"peft_type": "LORA", "r": 0, "use_dora": 1}"#) == [
        "c.json: error: 'r' must be a whole number from 1 on, found 0",
        "c.json: error: 'lora_alpha' is missing",
        "c.json: error: 'use_dora' must be true or false, found 1",
      ])
    #expect(
      faults("{}") == [
        "c.json: error: neither 'peft_type' (PEFT) nor 'lora_parameters' (MLX) says what kind of "
          + "adapter this is"
      ])
    #expect(faults("[]") == ["c.json: error: the configuration is not a JSON object"])
    #expect(faults("{").count == 1)
  }

  @Test func `MLX states the scale itself`() throws {
    let configuration = try read(
      #"{"fine_tune_type": "dora", "lora_parameters": {"rank": 8, "scale": 20.0}, "iters": 3}"#)
    #expect(configuration.format == .mlx && configuration.usesMagnitudes)
    #expect(configuration.scale(of: "q", rank: 8) == 20)
    let old = try read(#"{"lora_parameters": {"rank": 8, "alpha": 16}}"#)
    #expect(old.scale(of: "q", rank: 8) == 2)
    _ = try read(#"{"lora_parameters": {"rank": 8, "alpha": 8, "scale": 20.0}}"#)
  }

  @Test(arguments: [
    (#"{"fine_tune_type": "full", "lora_parameters": {}}"#, "the weights of a whole model"),
    (#"{"fine_tune_type": "lora"}"#, "'lora_parameters' is missing"),
    (#"{"lora_parameters": {"scale": 1}}"#, "has no 'rank'"),
    (#"{"lora_parameters": {"rank": 8}}"#, "has no 'scale'"),
    (#"{"lora_parameters": {"rank": 8, "alpha": 16, "scale": 2}}"#, "has 'alpha' and 'scale'"),
  ])
  func `faults of MLX`(text: String, message: String) {
    let found = faults(text)
    #expect(found.count == 1)
    #expect(found.first?.contains(message) == true, "\(found)")
  }

  @Test func `versions are compared by number`() throws {
    func version(_ text: String) throws -> AdapterConfiguration {
      try read(peft(#""peft_version": "\#(text)""#))
    }
    #expect(try version("0.19.0").isVersion(atLeast: (0, 19)))
    #expect(try version("1.0.0").isVersion(atLeast: (0, 19)))
    #expect(try !version("0.18.2.dev0").isVersion(atLeast: (0, 19)))
    #expect(try !read(peft("")).isVersion(atLeast: (0, 19)))
  }
}
