import Foundation
import Safetensors
import SinterTensors
import Testing

@testable import Sinter

@Suite struct ManifestTests {
  private static let recipe = """
    # \u{65} ``` "quoted" \\ \u{1F525}
    merge_method: ties
    base_model: base
    models:
      - {model: a, parameters: {weight: 0.5, density: 0.5}}
      - {model: b, parameters: {weight: 0.3}}

    """

  private func models() throws -> TestMerge {
    let merge = try TestMerge()
    for (index, name) in ["base", "a", "b"].enumerated() {
      try merge.model(
        name,
        [
          TestTensor("model.w", .bfloat16, [30, 30], seed: UInt64(index)),
          TestTensor("odd \"name\"\n", .float32, [3], seed: UInt64(index)),
          TestTensor("ids", .int64, [2], [1, 2]), TestTensor("empty", .float16, [0], []),
        ])
      try merge.folder.write("tokens", to: "\(name)/tokenizer.json")
      try merge.folder.write("old card", to: "\(name)/README.md")
    }
    return merge
  }

  private func json(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func `every file of the output is there and nothing else`() async throws {
    let merge = try models()
    try await merge.run(Self.recipe, options: PlanOptions(shardSize: 1500))
    #expect(
      try merge.folder.names("out") == [
        "README.md", "config.json", "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors", "model.safetensors.index.json",
        "sinter_manifest.json", "sinter_recipe.yml", "tokenizer.json",
      ])
    #expect(try merge.folder.text("out/sinter_recipe.yml") == Self.recipe)
    #expect(try merge.folder.text("out/tokenizer.json") == "tokens")
    let index = try json(merge.folder.text("out/model.safetensors.index.json"))
    let map = try #require(index["weight_map"] as? [String: String])
    #expect(map.keys.sorted() == ["empty", "ids", "model.w", "odd \"name\"\n"])
    for (name, file) in map {
      let names = try TestTensor.read(merge.folder.appending("out/\(file)")).map(\.name)
      #expect(names.contains(name))
    }
    let total = (index["metadata"] as? [String: Any])?["total_size"] as? Int
    #expect(total == 900 * 2 + 12 + 16)
    // The output is a checkpoint that can be merged again.
    let again = try CheckpointReader.open(merge.folder.appending("out"))
    #expect(again.tensors.count == 4)
    #expect(again.sideFiles.map(\.name) == ["tokenizer.json"])
  }

  @Test func `the manifest is valid and the same each time`() async throws {
    let merge = try models()
    var texts: Set<String> = []
    for threads in [1, 4] {
      for output in ["out", "elsewhere/out"] {
        try await merge.run(
          Self.recipe, execution: ExecutionOptions(threads: threads, overwrites: true),
          output: output)
        texts.insert(try merge.folder.text("\(output)/sinter_manifest.json"))
      }
    }
    #expect(texts.count == 1)
    let text = try #require(texts.first)
    #expect(!text.contains(merge.folder.path))
    let manifest = try json(text)
    #expect(manifest["schema"] as? String == "sinter/manifest")
    #expect(manifest["method"] as? String == "ties")
    #expect(manifest["recipe"] as? String == Self.recipe)
    let tensors = try #require(manifest["tensors"] as? [[String: Any]])
    #expect(tensors.count == 4)
    let operations = Dictionary(
      uniqueKeysWithValues: tensors.map {
        ($0["name"] as? String ?? "", $0["operation"] as? String ?? "")
      })
    #expect(operations["model.w"] == "merged")
    #expect(operations["ids"] == "copied")
    let ledger = try #require(manifest["ledger"] as? [[String: Any]])
    #expect(ledger.map { $0["model"] as? String } == ["base", "a", "b"])
    for entry in ledger {
      let counts = ["merged", "copied", "excluded"].map { entry[$0] as? Int ?? -100 }
      #expect(counts.reduce(0, +) == 4)
    }
    let inputs = try #require(manifest["inputs"] as? [[String: Any]])
    #expect(inputs.map { $0["is_base"] as? Bool } == [true, false, false])
  }

  @Test func `the hash of the plan changes with what decides the bytes`() throws {
    let merge = try models()
    let first = PlanHash(try merge.plan(Self.recipe)).text
    #expect(first.count == 64)
    #expect(first.allSatisfy { $0.isHexDigit })
    #expect(PlanHash(try merge.plan(Self.recipe)).text == first)
    #expect(PlanHash(try merge.plan(Self.recipe, options: PlanOptions(seed: 1))).text != first)
    #expect(
      PlanHash(try merge.plan(Self.recipe, options: PlanOptions(dtype: .float32))).text != first)
    #expect(
      PlanHash(try merge.plan(Self.recipe, options: PlanOptions(shardSize: 1500))).text != first)
    #expect(PlanHash(try merge.plan(Self.recipe.replacing("0.3", with: "0.4"))).text != first)
    // The folder in which the models lie does not.
    let other = try models()
    #expect(PlanHash(try other.plan(Self.recipe)).text == first)
  }
}
