import Foundation
import SinterTensors
import Testing

@Suite struct AdapterCombineCommandTests {
  let workspace: Workspace

  init() throws {
    workspace = try Workspace()
    try workspace.writeFactors("math", rank: 2, seed: 1)
    try workspace.writeFactors("code", rank: 1, seed: 2)
  }

  private static let files = [
    "README.md", "adapter_config.json", "adapter_model.safetensors", "sinter_manifest.json",
  ]

  /// A text with what differs from run to run replaced.
  private func steady(_ text: String) -> String {
    text.replacing(/in \d+\.\d s/, with: "in 0.0 s")
  }

  @Test func `adapters are put side by side`() async throws {
    let run = try await workspace.run("adapter", "combine", "math", "code:-2", "both")
    #expect(run.exitCode == 0, "\(run.stderr)")
    #expect(run.stdout.isEmpty)
    #expect(
      steady(run.stderr) == """
        combined 2 adapters by concatenate into 'both' in 0.0 s: 2 modules of rank 3, read 480 \
        bytes, wrote 984 bytes
        the factors are the combined update exactly

        """)
    #expect(try workspace.names(in: "both") == Self.files)
    let inspection = try await workspace.run("adapter", "inspect", "both")
    #expect(inspection.exitCode == 0)
    #expect(inspection.stdout.contains("rank 3  scale 1"), "\(inspection.stdout)")
  }

  @Test func `progress in JSON is one object a line`() async throws {
    let run = try await workspace.run(
      "adapter", "combine", "math", "code", "both", "--json", "--progress", "json")
    #expect(run.exitCode == 0)
    let lines = try run.stderr.split(separator: "\n").map { try jsonObject(String($0)) }
    let last = try #require(lines.last)
    #expect(last["modules"] as? Int ?? 0 > 0)
    #expect(last["modules_done"] as? Int == last["modules"] as? Int)
  }

  @Test func `a smaller rank leaves an error, which is told`() async throws {
    let run = try await workspace.run("adapter", "combine", "math", "code", "both", "--rank", "1")
    #expect(run.exitCode == 0, "\(run.stderr)")
    #expect(
      run.stderr.contains(/the factors keep all but \d+(\.\d+)? % of the combined update/),
      "\(run.stderr)")
    let card = String(decoding: try workspace.bytes("both/README.md"), as: UTF8.self)
    #expect(card.contains("- `math`, weight 1\n- `code`, weight 1\n"))
    #expect(card.contains("It has factors of rank 1 for 2 modules"))
  }

  @Test func `programs get every module`() async throws {
    let run = try await workspace.run(
      "adapter", "combine", "math", "code", "both", "--method", "ties", "--density", "0.5", "--json"
    )
    #expect(run.exitCode == 0, "\(run.stdout)")
    #expect(run.stderr.isEmpty)
    let document = try jsonObject(run.stdout)
    #expect(document["schema"] as? String == "sinter/adapter-combine")
    #expect(document["schema_version"] as? Int == 1)
    #expect(document["ok"] as? Bool == true)
    #expect(document["method"] as? String == "ties")
    #expect(document["adapters"] as? [String] == ["math", "code"])
    let modules = try #require(document["modules"] as? [[String: Any]])
    #expect(modules.count == 2)
    #expect(modules[0]["name"] as? String == "model.layers.0.mlp.up_proj")
    #expect(modules[0]["shape"] as? [Int] == [16, 4])
    #expect(modules[0]["rank"] as? Int == 3)
    #expect((modules[0]["relative_error"] as? Double ?? 0) > 0)
    let manifest = try jsonObject(
      String(decoding: try workspace.bytes("both/sinter_manifest.json"), as: UTF8.self))
    #expect(manifest["operation"] as? String == "combine")
    #expect(manifest["relative_error"] as? Double == document["relative_error"] as? Double)
  }

  @Test func `a recipe says the same as arguments`() async throws {
    try workspace.write(
      """
      merge_method: dare_linear
      parameters: {density: 0.5}
      models:
        - model: ../math
          parameters: {weight: 0.7}
        - model: ../code

      """, to: "recipes/r.yml")
    let first = try await workspace.run(
      "adapter", "combine", "recipes/r.yml", "one", "--seed", "5", "--threads", "1")
    #expect(first.exitCode == 0, "\(first.stderr)")
    let second = try await workspace.run(
      "adapter", "combine", "math:0.7", "code", "two", "--method", "dare_linear", "--density",
      "0.5", "--seed", "5", "--threads", "3")
    #expect(second.exitCode == 0, "\(second.stderr)")
    #expect(
      try workspace.bytes("one/adapter_model.safetensors")
        == workspace.bytes("two/adapter_model.safetensors"))
    let other = try await workspace.run(
      "adapter", "combine", "recipes/r.yml", "three", "--seed", "6", "--quiet")
    #expect(other.exitCode == 0 && other.stderr.isEmpty)
    #expect(
      try workspace.bytes("one/adapter_model.safetensors")
        != workspace.bytes("three/adapter_model.safetensors"))
  }

  @Test func `outputs are replaced only when asked`() async throws {
    #expect(try await workspace.run("adapter", "combine", "math", "both").exitCode == 0)
    #expect(try await workspace.run("adapter", "combine", "math", "both").exitCode == 73)
    let run = try await workspace.run("adapter", "combine", "math", "both", "--overwrite")
    #expect(run.exitCode == 0, "\(run.stderr)")
    #expect(try await workspace.run("adapter", "combine", "math", "math").exitCode != 0)
  }

  @Test func `what is wrong with arguments`() async throws {
    for arguments in [
      ["math"], ["math", "both", "--rank", "0"], ["math", "both", "--energy", "1.5"],
      ["math", "both", "--density", "2"], ["math", "both", "--dtype", "float64"],
      ["r.yml", "both", "--method", "ties"], ["math:0.5", "math", "both"],
    ] {
      let run = try await workspace.run(["adapter", "combine"] + arguments)
      #expect(run.exitCode == 64, "\(arguments): \(run.stderr)")
    }
    let unknown = try await workspace.run("adapter", "combine", "math", "both", "--method", "tiess")
    #expect(unknown.exitCode == 65)
    #expect(
      unknown.stderr == """
        error: unknown method 'tiess'
        hint: did you mean 'ties'?

        """)
    let density = try await workspace.run("adapter", "combine", "math", "both", "--density", "0.5")
    #expect(density.exitCode == 65)
    #expect(
      density.stderr.hasPrefix(
        "error: unknown parameter 'density' for method 'concatenate'\nhint: "), "\(density.stderr)")
    let missing = try await workspace.run("adapter", "combine", "nowhere", "both", "--json")
    #expect(missing.exitCode == 66)
    #expect(try jsonObject(missing.stdout)["schema"] as? String == "sinter/adapter-combine")
    #expect(!workspace.exists("both") && !workspace.exists("both.partial"))
  }

  @Test func `help`() async throws {
    let run = try await workspace.run("adapter", "combine", "--help")
    #expect(run.exitCode == 0)
    try Snapshot.expect(run.stdout, equals: "help-adapter-combine")
  }
}

extension Workspace {
  /// Stores an adapter of PEFT with two modules, whose numbers are small multiples of 1/8.
  fileprivate func writeFactors(_ name: String, rank: Int, seed: UInt64) throws {
    try write(
      """
      {"peft_type": "LORA", "r": \(rank), "lora_alpha": \(2 * rank), "target_modules": ["up_proj"],
       "base_model_name_or_path": "org/base"}
      """, to: "\(name)/adapter_config.json")
    var state = seed
    func numbers(_ count: Int) -> [Float] {
      (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int(state >> 40) % 32 - 16) / 8
      }
    }
    let tensors = (0..<2).flatMap { layer in
      let prefix = "base_model.model.model.layers.\(layer).mlp.up_proj"
      return [
        StoredTensorText.float32("\(prefix).lora_A.weight", Shape([rank, 4]), numbers(rank * 4)),
        StoredTensorText.float32("\(prefix).lora_B.weight", Shape([16, rank]), numbers(16 * rank)),
      ]
    }
    try writeTensors(tensors, to: "\(name)/adapter_model.safetensors")
  }
}
