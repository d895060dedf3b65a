import SinterTensors
import Testing

@testable import Sinter

@Suite struct ModelCardTests {
  private func card(_ recipe: (String) -> String, comment: String = "") throws -> String {
    let merge = try TestMerge()
    for name in ["base", "owner/fine", "b"] {
      try merge.model(name, [TestTensor("w", .float32, [2], seed: 1)])
    }
    return ModelCard(try merge.plan(recipe(merge.folder.path) + comment), title: "my merge").text
  }

  private func recipe(_ folder: String) -> String {
    """
    merge_method: task_arithmetic
    base_model: base
    models:
      - {model: owner/fine, parameters: {weight: 0.5}}
      - {model: b, parameters: {weight: 0.3}}
    """
  }

  @Test func `the card begins with front matter and holds the recipe`() throws {
    let text = try card(recipe)
    #expect(text.hasPrefix("---\nlibrary_name: transformers\ntags:\n- merge\n- sinter\n---\n"))
    #expect(text.contains("\n# my merge\n"))
    #expect(
      text.contains(
        "Method: [Task Arithmetic](https://arxiv.org/abs/2212.04089), with `base` as the base\n"))
    #expect(text.contains("Models:\n\n- `owner/fine`\n- `b`\n"))
    #expect(text.contains("```yaml\n\(recipe(""))\n```\n"))
  }

  @Test func `a local folder is not taken for a model of the hub`() throws {
    #expect(try !card(recipe).contains("base_model:\n- owner"))
  }

  @Test func `a folder of the hub's cache tells the model's name there`() throws {
    let merge = try TestMerge()
    let folders = [
      "models--owner--fine.tune/snapshots/0123abcd", "models--gpt2/snapshots/ff",
      "models--x y/snapshots/1",
    ]
    for folder in folders { try merge.model(folder, [TestTensor("w", .float32, [2], seed: 1)]) }
    let models = folders.map { "  - {model: '\($0)', parameters: {weight: 1}}" }
    let recipe = "merge_method: linear\nmodels:\n" + models.joined(separator: "\n")
    let text = ModelCard(try merge.plan(recipe), title: "cached").text
    #expect(text.hasPrefix("---\nbase_model:\n- owner/fine.tune\n- gpt2\nlibrary_name:"))
  }

  @Test func `a recipe that holds fences stays in its own`() throws {
    let text = try card(recipe, comment: "\n# ```` four\n")
    #expect(text.contains("\n`````yaml\n"))
    #expect(text.contains("# ```` four\n`````\n"))
  }
}
