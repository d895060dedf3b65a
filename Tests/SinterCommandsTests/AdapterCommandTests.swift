import Foundation
import Safetensors
import SinterTensors
import Testing

@Suite struct AdapterCommandTests {
  let workspace: Workspace

  init() throws {
    workspace = try Workspace()
    try workspace.writeModel("base", seed: 1)
    try workspace.writeAdapter("chat", seed: 2)
  }

  @Test func `an adapter is described`() async throws {
    let run = try await workspace.run("adapter", "inspect", "chat", "--base", "base")
    #expect(run.exitCode == 0)
    #expect(run.stderr.isEmpty)
    #expect(
      run.stdout == """
        chat
          format      PEFT 0.21.0, LoRA
          trained on  org/base-4bit
          rank        2
          alpha       4
          parameters  80 in 4 tensors
          updates     2

        low-rank updates
          model.layers.*.mlp.up_proj.weight  x2  linear 4 → 16  rank 2  scale 2

        fits 'base': 2 of 2 updates reach a tensor

        chat/adapter_model.safetensors: note: the adapter was trained on a quantized base \
        ('org/base-4bit'): on unquantized weights it does almost the same, but not exactly what was \
        trained

        """)
  }

  @Test func `programs get every module`() async throws {
    let run = try await workspace.run("adapter", "inspect", "chat", "--base", "base", "--json")
    let document = try jsonObject(run.stdout)
    #expect(document["schema"] as? String == "sinter/adapter-inspect")
    #expect(document["ok"] as? Bool == true)
    #expect(document["update_count"] as? Int == 2)
    let modules = try #require(document["modules"] as? [[String: Any]])
    #expect(modules.map { $0["rank"] as? Int } == [2, 2])
    #expect(modules[0]["target"] as? String == "model.layers.0.mlp.up_proj.weight")
    let fits = try #require(document["fits"] as? [String: Any])
    #expect((fits["targets"] as? [[String]])?.count == 2)
  }

  @Test func `an adapter is applied`() async throws {
    let run = try await workspace.run("adapter", "apply", "base", "chat", "out")
    #expect(run.exitCode == 0, "\(run.stderr)")
    #expect(run.stdout.isEmpty)
    let lines = run.stderr.split(separator: "\n")
    #expect(lines.count == 3, "\(run.stderr)")
    #expect(lines[0].hasPrefix("chat/adapter_model.safetensors: note: "))
    #expect(lines[1].hasPrefix("applied 2 of 2 updates to 'base+chat', relative change "))
    #expect(lines[1].hasSuffix(" %"))
    #expect(lines[2].hasPrefix("wrote 6 tensors (172 parameters) from 1 model into 'out' in "))
    #expect(
      try workspace.names(in: "out") == [
        "README.md", "config.json", "model.safetensors", "sinter_manifest.json",
        "sinter_recipe.yml", "tokenizer.json",
      ])
  }

  @Test func `the recipe that is left behind does the same`() async throws {
    let first = try await workspace.run("adapter", "apply", "base", "chat:0.5", "out", "--json")
    #expect(first.exitCode == 0)
    let second = try await workspace.run("merge", "out/sinter_recipe.yml", "again", "--json")
    #expect(second.exitCode == 0, "\(second.stdout)")
    #expect(
      try workspace.bytes("out/model.safetensors") == workspace.bytes("again/model.safetensors"))
    let document = try jsonObject(first.stdout)
    #expect(document["schema"] as? String == "sinter/adapter-apply")
    #expect(
      document["plan_hash"] as? String == (try jsonObject(second.stdout)["plan_hash"] as? String))
    let adapters = try #require(document["adapters"] as? [[String: Any]])
    #expect(adapters.first?["applied"] as? Int == 2)
    #expect((adapters.first?["relative_change"] as? Double ?? 0) > 0)
  }

  @Test func `the number of threads and the weight 1 change no byte`() async throws {
    for (arguments, name) in [
      (["chat"], "a"), (["chat:1", "--threads", "1"], "b"), (["chat", "--threads", "3"], "c"),
    ] {
      let run = try await workspace.run(
        ["adapter", "apply", "base", arguments[0], name] + arguments.dropFirst())
      #expect(run.exitCode == 0, "\(run.stderr)")
    }
    let bytes = try workspace.bytes("a/model.safetensors")
    #expect(try workspace.bytes("b/model.safetensors") == bytes)
    #expect(try workspace.bytes("c/model.safetensors") == bytes)
  }

  @Test func `plans tell of adapters`() async throws {
    try workspace.write(
      """
      merge_method: task_arithmetic
      base_model: base
      models:
        - model: {model: base, adapters: [{path: chat, weight: 0.5}]}
          parameters: {weight: 1}
      """, to: "r.yml")
    let run = try await workspace.run("plan", "r.yml")
    #expect(run.exitCode == 0)
    #expect(
      run.stdout.contains(
        "\nadapters\n  base  chat  weight 0.5  rank 2  2 updates  2 of 2 applied\n\n"),
      "\(run.stdout)")
    let document = try jsonObject(try await workspace.run("plan", "r.yml", "--json").stdout)
    let models = try #require(document["models"] as? [[String: Any]])
    let adapters = try #require(models[1]["adapters"] as? [[String: Any]])
    #expect(adapters.first?["weight"] as? Double == 0.5)
    #expect(models[0]["adapters"] == nil)
  }

  @Test func `what cannot be applied`() async throws {
    let missing = try await workspace.run("adapter", "apply", "base", "nowhere", "out")
    #expect(missing.exitCode == 66)
    #expect(missing.stderr.hasPrefix("error: adapter 'nowhere' does not exist; looked for "))
    try workspace.writeAdapter("wide", seed: 2, outputs: 17)
    let wide = try await workspace.run("adapter", "apply", "base", "wide", "out")
    #expect(wide.exitCode == 65)
    #expect(
      wide.stderr.contains(
        "model.layers.0.mlp.up_proj.weight: the adapter is for [17, 4], the model's tensor is "
          + "[16, 4]"), "\(wide.stderr)")
    #expect(!workspace.exists("out"))
    let usage = try await workspace.run("adapter", "apply", "base", "chat", "--json")
    #expect(usage.exitCode == 64)
    #expect(try jsonObject(usage.stdout)["schema"] as? String == "sinter/adapter-apply")
    let model = try await workspace.run("adapter", "inspect", "base")
    #expect(model.exitCode == 65)
    #expect(model.stderr.contains("hint: this is a model"))
  }

  @Test(arguments: ["apply", "inspect"])
  func `help`(command: String) async throws {
    let run = try await workspace.run("adapter", command, "--help")
    #expect(run.exitCode == 0)
    try Snapshot.expect(run.stdout, equals: "help-adapter-\(command)")
  }
}

extension Workspace {
  /// Stores an adapter of PEFT for the models that ``writeModel(_:seed:)`` stores.
  fileprivate func writeAdapter(_ name: String, seed: UInt64, outputs: Int = 16) throws {
    try write(
      """
      {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "peft_version": "0.21.0",
       "base_model_name_or_path": "org/base-4bit", "target_modules": ["up_proj"]}
      """, to: "\(name)/adapter_config.json")
    var state = seed
    func numbers(_ count: Int) -> [Float] {
      (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int(state >> 40) % 1000 - 500) / 1000
      }
    }
    let tensors = (0..<2).flatMap { layer in
      let prefix = "base_model.model.model.layers.\(layer).mlp.up_proj"
      return [
        StoredTensorText.float32("\(prefix).lora_A.weight", [2, 4], numbers(8)),
        StoredTensorText.float32(
          "\(prefix).lora_B.weight", Shape([outputs, 2]), numbers(2 * outputs)),
      ]
    }
    try writeTensors(tensors, to: "\(name)/adapter_model.safetensors")
  }
}
