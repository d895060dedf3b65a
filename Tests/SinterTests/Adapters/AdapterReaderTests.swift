import Foundation
import SinterTensors
import Testing

@testable import Sinter

@Suite struct AdapterReaderTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func adapter(_ change: (inout TestAdapter) -> Void = { _ in }) throws -> Adapter {
    var adapter = TestAdapter([("layers.0.q", 3, 5), ("layers.1.q", 3, 5)])
    change(&adapter)
    try adapter.write(to: folder.appending("a"))
    return try AdapterReader.open(folder.appending("a"))
  }

  private func faults(_ change: (inout TestAdapter) -> Void) -> [String] {
    do {
      _ = try adapter(change)
      return []
    } catch let error as DiagnosticError {
      return error.diagnostics.map {
        $0.description.replacingOccurrences(of: folder.path + "/", with: "")
      }
    } catch {
      return ["\(error)"]
    }
  }

  @Test func `modules have names, factors, rank and scale`() throws {
    let adapter = try adapter()
    #expect(adapter.modules.map(\.name) == ["layers.0.q", "layers.1.q"])
    #expect(adapter.modules.map(\.target) == ["layers.0.q.weight", "layers.1.q.weight"])
    let module = adapter.modules[0]
    #expect(module.kind == .linear && module.rank == 2 && module.scale == 2)
    #expect(module.inputs == 5 && module.outputs == 3 && module.experts == 1)
    #expect(adapter.updateCount == 2 && adapter.remarks.isEmpty)
  }

  @Test func `factors are read in PEFT's orientation`() throws {
    let written = TestAdapter([("layers.0.q", 3, 5), ("layers.1.q", 3, 5)])
    let adapter = try adapter()
    for (module, own) in zip(adapter.modules, written.modules) {
      let factors = try adapter.factors(of: module)
      #expect(factors.a == own.a.values && factors.b == own.b.values)
      #expect(factors.rank == 2 && factors.inputs == 5 && factors.outputs == 3)
    }
  }

  @Test func `factors of MLX are transposed`() throws {
    try folder.write(
      #"{"fine_tune_type": "lora", "lora_parameters": {"rank": 2, "scale": 3}}"#,
      to: "m/adapter_config.json")
    try TestTensor.write(
      [
        TestTensor("q.lora_a", .float32, [3, 2], [1, 2, 3, 4, 5, 6]),
        TestTensor("q.lora_b", .float32, [2, 4], [1, 2, 3, 4, 5, 6, 7, 8]),
        TestTensor("s.lora_a", .float32, [2, 2, 1], [1, 2, 3, 4]),
        TestTensor("s.lora_b", .float32, [2, 1, 2], [5, 6, 7, 8]),
      ], to: folder.appending("m/adapters.safetensors"))
    let adapter = try AdapterReader.open(folder.appending("m"))
    let linear = try adapter.factors(of: adapter.modules[0])
    #expect(linear.a == [1, 3, 5, 2, 4, 6] && linear.b == [1, 5, 2, 6, 3, 7, 4, 8])
    #expect(linear.inputs == 3 && linear.outputs == 4)
    let experts = adapter.modules[1]
    #expect(experts.kind == .switchLinear && experts.experts == 2)
    #expect(try adapter.factors(of: experts, expert: 1).a == [3, 4])
    #expect(try adapter.factors(of: experts, expert: 1).b == [7, 8])
  }

  @Test func `factors of packed experts alternate in B`() throws {
    let adapter = try adapter { adapter in
      adapter.modules = []
      adapter.settings["r"] = "2"
      adapter.settings["target_parameters"] = #"["experts.down_proj"]"#
      adapter.extra = [
        TestTensor(
          "base_model.model.experts.lora_A.weight", .float32, [4, 1], [1, 2, 3, 4]),
        TestTensor(
          "base_model.model.experts.lora_B.weight", .float32, [1, 4], [10, 11, 20, 21]),
      ]
    }
    let module = adapter.modules[0]
    #expect(module.kind == .parameter("down_proj") && module.experts == 2)
    #expect(try adapter.factors(of: module, expert: 0).a == [1, 2])
    #expect(try adapter.factors(of: module, expert: 1).a == [3, 4])
    #expect(try adapter.factors(of: module, expert: 0).b == [10, 20])
    #expect(try adapter.factors(of: module, expert: 1).b == [11, 21])
  }

  // MARK: - Hostile files

  @Test func `a factor without its other half`() {
    #expect(
      faults {
        $0.modules = [$0.modules[0]]; $0.extra = [$0.modules[0].a.renamed("x.lora_A.weight")]
      }
        == [
          "a/adapter_model.safetensors: error: 'x' has no factor B, only 'x.lora_A.weight'"
        ])
  }

  @Test func `tensors that nobody knows are listed`() {
    let found = faults { adapter in
      adapter.extra = (0..<10).map {
        TestTensor("base_model.model.q\($0).lora_E", .float32, [1], [1])
      }
    }
    #expect(found.count == 1)
    #expect(found.first?.contains("10 tensors are no part of a LoRA adapter") == true)
    #expect(found.first?.contains("'base_model.model.q7.lora_E'\nand 2 more") == true)
  }

  @Test func `ranks, shapes and types are held against each other`() {
    #expect(
      faults { $0.settings["r"] = "3" }.first
        == "a/adapter_model.safetensors: error: 'layers.0.q': its factors have rank 2, but the "
        + "configuration says 3")
    #expect(
      faults {
        $0.extra = [
          TestTensor("x.lora_A.weight", .float32, [2, 2], [1, 2, 3, 4]),
          TestTensor("x.lora_B.weight", .float32, [1, 3], [1, 2, 3]),
        ]
      } == [
        "a/adapter_model.safetensors: error: 'x': the factors A [2, 2] and B [1, 3] do not fit "
          + "each other"
      ])
    #expect(
      faults {
        $0.extra = [
          TestTensor("x.lora_A.weight", .float32, [2], [1, 2]),
          TestTensor("x.lora_B.weight", .float32, [2], [1, 2]),
        ]
      }.first?
      .contains("factors of shape [2] and [2] are none of a LoRA adapter") == true)
    #expect(
      faults { $0.extra = [TestTensor("x.weight", .int64, [1], [1])] } == [
        "a/adapter_model.safetensors: error: tensor 'x.weight' holds I64, not real numbers"
      ])
    #expect(
      faults {
        $0.extra = [
          TestTensor("q.lora_A.weight", .float32, [0, 2], []),
          TestTensor("q.lora_B.weight", .float32, [2, 0], []),
        ]
      }.count == 1)
  }

  @Test func `magnitudes, biases and token rows need a configuration that says so`() {
    #expect(
      faults {
        $0.extra = [TestTensor("layers.0.q.lora_magnitude_vector", .float32, [3], [1, 2, 3])]
      }
        == [
          "a/adapter_model.safetensors: error: tensor 'layers.0.q.lora_magnitude_vector': the "
            + "configuration does not say DoRA"
        ])
    #expect(faults { $0.settings["use_dora"] = "true" }.count == 2)
    #expect(
      faults { $0.extra = [TestTensor("layers.0.q.lora_B.bias", .float32, [3], [1, 2, 3])] }.count
        == 1)
    #expect(faults { $0.settings["lora_bias"] = "true" }.count == 2)
    let rows = TestTensor("e.token_adapter.trainable_tokens_delta", .float32, [2, 1], [1, 2])
    #expect(faults { $0.extra = [rows] }.count == 1)
    #expect(
      faults {
        $0.extra = [rows]; $0.settings["trainable_token_indices"] = "[1]"
      } == [
        "a/adapter_model.safetensors: error: tensor 'e.token_adapter.trainable_tokens_delta' is "
          + "[2, 1], but 'trainable_token_indices' names 1 tokens"
      ])
    #expect(faults { $0.settings["trainable_token_indices"] = "[1]" }.count == 1)
  }

  @Test func `one tensor under two names, or none at all`() {
    #expect(
      faults {
        $0.extra = [$0.modules[0].a.renamed("base_model.model.layers.0.q.lora_A.default.weight")]
      }.first?.contains("stored twice") == true)
    #expect(
      faults { $0.modules = [] } == [
        "a/adapter_model.safetensors: error: the adapter holds no tensor\nhint: save it again"
      ])
  }

  @Test func `files that are missing`() throws {
    func fault(_ name: String) -> DiagnosticError? {
      do {
        _ = try AdapterReader.open(folder.appending(name))
        return nil
      } catch {
        return error
      }
    }
    #expect(fault("nowhere")?.kind == .notFound)
    try folder.write("", to: "empty/x")
    #expect(fault("empty")?.description.contains("'adapter_config.json' is missing") == true)
    #expect(fault("empty/x")?.description.contains("an adapter is a folder") == true)
    try folder.write(TestAdapter([]).configuration, to: "b/adapter_config.json")
    #expect(fault("b")?.description.contains("has no 'adapter_model.safetensors'") == true)
    try folder.write("", to: "b/adapter_model.bin")
    #expect(fault("b")?.description.contains("'adapter_model.bin', which is not supported") == true)
    try folder.write("x", to: "b/adapter_model.safetensors")
    #expect(fault("b") != nil)
  }

  @Test func `a quantized base gives a note`() throws {
    let adapter = try adapter { $0.settings["base_model_name_or_path"] = #""org/m-bnb-4bit""# }
    #expect(adapter.remarks.map(\.severity) == [.note])
    #expect(adapter.remarks[0].message.contains("quantized base ('org/m-bnb-4bit')"))
  }
}

extension TestTensor {
  /// The same values under another name.
  fileprivate func renamed(_ name: String) -> TestTensor {
    TestTensor(name, dtype, shape, values)
  }
}
