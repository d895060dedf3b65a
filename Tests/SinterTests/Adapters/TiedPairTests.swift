import SinterTensors
import Testing

@testable import Sinter

@Suite struct TiedPairTests {
  private let merge: TestMerge
  private let embedding = TestTensor("model.embed_tokens.weight", .float32, [5, 4], seed: 3)

  init() throws {
    merge = try TestMerge()
    try merge.model(
      "base", [embedding, TestTensor("model.norm.weight", .float32, [4], seed: 3)],
      config: #"{"architectures": ["LlamaForCausalLM"], "tie_word_embeddings": true}"#)
  }

  private static let recipe = "merge_method: passthrough\nmodels: [{model: base+a}]\ndtype: float64"

  private func run(_ ties: TiedPairPolicy) async throws -> [String: TestTensor] {
    let tensors = try await merge.run(Self.recipe, options: PlanOptions(ties: ties))
    return Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
  }

  /// How many updates of how many are said to reach a tensor, without and after a merge.
  private func applied(_ ties: TiedPairPolicy) async throws -> [[Int]] {
    let plan = try merge.plan(Self.recipe, options: PlanOptions(ties: ties))
    let summary = try await MergeExecutor(
      plan: plan, options: ExecutionOptions(threads: 1, overwrites: true)
    ).run(into: merge.folder.appending("out"))
    return (plan.adapterOutcomes + summary.adapters).map { [$0.applied, $0.updates] }
  }

  private func write(_ adapter: TestAdapter) throws {
    try adapter.write(to: merge.folder.appending("a"))
  }

  /// An adapter without factors that stores whole tensors.
  private func saved(_ tensors: [TestTensor], _ settings: [String: String] = [:]) throws {
    var adapter = TestAdapter([])
    adapter.extra = tensors.map {
      TestTensor("base_model.model." + $0.name, $0.dtype, $0.shape, $0.values)
    }
    adapter.settings.merge(settings) { $1 }
    try write(adapter)
  }

  @Test func `one end is refused unless the user chooses`() throws {
    try write(TestAdapter([("lm_head", 5, 4)]))
    #expect(
      merge.faults(Self.recipe) == [
        """
        recipe.yml:2:18: error: the model 'base' uses 'model.embed_tokens.weight' as its embedding \
        and as its output head, and its adapters change the output head only
        hint: --untie writes both tensors, and a configuration that says that they are not tied
        """
      ])
  }

  @Test func `two updates of one head are told by name`() throws {
    try write(TestAdapter([("lm_head", 5, 4), ("embed_out", 5, 4)]))
    #expect(
      merge.faults(Self.recipe).first?.contains(
        "embed_out.weight: it would change 'lm_head.weight', as 'lm_head.weight' does") == true)
  }

  @Test func `an updated head becomes a tensor of its own`() async throws {
    let adapter = TestAdapter([("lm_head", 5, 4)])
    try write(adapter)
    let results = try await run(.untie)
    #expect(results[embedding.name]?.values == embedding.values)
    let update = TestAdapter.product(adapter.modules[0])
    let head = try #require(results["lm_head.weight"])
    for (i, value) in head.values.enumerated() {
      #expect(abs(value - (embedding.values[i] + 2 * update[i])) < 1e-15)
    }
    #expect(try merge.folder.text("out/config.json").contains(#""tie_word_embeddings": false"#))
    #expect(try await applied(.untie) == [[1, 1], [1, 1]])
  }

  @Test func `a head of another name than the adapter's receives the update`() async throws {
    let table = TestTensor("language_model.model.embed_tokens.weight", .float32, [5, 4], seed: 3)
    try merge.model("base", [table], config: #"{"tie_word_embeddings": true}"#)
    try write(TestAdapter([("lm_head", 5, 4)]))
    #expect(try await applied(.untie) == [[1, 1], [1, 1]])
    let plan = try merge.plan(Self.recipe, options: PlanOptions(ties: .untie))
    #expect(
      plan.inputs[0].checkpoint.adapters.map(\.updates) == [[["language_model.lm_head.weight"]]])
  }

  @Test func `an updated embedding leaves the head as it was`() async throws {
    let other = TestTensor(embedding.name, .float32, [5, 4], seed: 9)
    try saved([other])
    #expect(merge.faults(Self.recipe).first?.contains("change the embedding only") == true)
    let results = try await run(.untie)
    #expect(results[embedding.name]?.values == other.values)
    #expect(results["lm_head.weight"]?.values == embedding.values)
  }

  @Test func `both ends with the same values stay tied`() async throws {
    let other = TestTensor(embedding.name, .float32, [5, 4], seed: 9)
    try saved([other, TestTensor("lm_head.weight", .float32, [5, 4], other.values)])
    let results = try await run(.refuse)
    #expect(results[embedding.name]?.values == other.values)
    #expect(results["lm_head.weight"] == nil)
    #expect(try merge.folder.text("out/config.json").contains(#""tie_word_embeddings": true"#))
    #expect(try await applied(.refuse) == [[2, 2], [2, 2]])
    try saved([other, TestTensor("lm_head.weight", .float32, [5, 4], seed: 10)])
    #expect(merge.faults(Self.recipe).first?.contains("change both in different ways") == true)
  }

  @Test func `an adapter that keeps ties, or trains tokens, changes both`() async throws {
    let other = TestTensor(embedding.name, .float32, [5, 4], seed: 9)
    try saved([other], ["ensure_weight_tying": "true"])
    #expect(try await run(.refuse)[embedding.name]?.values == other.values)
    #expect(try await applied(.refuse) == [[1, 1], [1, 1]])
    let head = TestTensor("lm_head.weight", .float32, [5, 4], other.values)
    try saved([other, head], ["ensure_weight_tying": "true"])
    #expect(try await applied(.refuse) == [[2, 2], [2, 2]])
    let rows = TestTensor(
      "model.embed_tokens.token_adapter.trainable_tokens_delta", .float32, [1, 4], [1, 2, 3, 4])
    try saved([rows], ["trainable_token_indices": "[2]"])
    let results = try await run(.refuse)
    #expect(results.count == 2)
    #expect(results[embedding.name].map { Array($0.values[8..<12]) } == [1, 2, 3, 4])
  }

  @Test func `a stored head of a tied model follows the embedding`() async throws {
    let head = TestTensor("lm_head.weight", .float32, [5, 4], embedding.values)
    try merge.model(
      "base", [embedding, head], config: #"{"tie_word_embeddings": true}"#)
    let other = TestTensor(embedding.name, .float32, [5, 4], seed: 9)
    try saved([other], ["ensure_weight_tying": "true"])
    let results = try await run(.refuse)
    #expect(results["lm_head.weight"]?.values == other.values)
    #expect(try await applied(.refuse) == [[1, 1], [1, 1]])
    try saved([other])
    #expect(merge.faults(Self.recipe).count == 1)
    let untied = try await run(.untie)
    #expect(untied["lm_head.weight"]?.values == head.values)
    #expect(untied[embedding.name]?.values == other.values)
  }

  @Test func `a vocabulary of another size takes the place of the old one`() async throws {
    try merge.model(
      "base", [embedding, TestTensor("lm_head.weight", .bfloat16, [5, 4], seed: 4)],
      config: #"{"tie_word_embeddings": false, "vocab_size": 5}"#)
    let table = TestTensor(embedding.name, .float32, [7, 4], seed: 9)
    try saved([table])
    #expect(merge.faults(Self.recipe).first?.contains("leave 'lm_head.weight' with 5") == true)
    let head = TestTensor("lm_head.weight", .float32, [7, 4], seed: 10)
    try saved([table, head])
    let plan = try merge.plan("merge_method: passthrough\nmodels: [{model: base+a}]")
    #expect(plan.remarks.map(\.severity) == [.warning])
    #expect(Set(plan.tensors.map(\.dtype)) == [.float32, .bfloat16])
    let results = try await run(.refuse)
    #expect(results[embedding.name]?.values == table.values)
    #expect(results["lm_head.weight"]?.values == head.values)
    #expect(try merge.folder.text("out/config.json").contains(#""vocab_size": 7"#))
    let weighted = "{model: base, adapters: [{path: a, weight: 0.5}]}"
    #expect(
      merge.faults("merge_method: passthrough\nmodels: [{model: \(weighted)}]").first?
        .contains("7 rows in place of 5; that cannot be weighted") == true)
  }

  @Test func `a tied vocabulary of another size stays tied`() async throws {
    let table = TestTensor(embedding.name, .float32, [7, 4], seed: 9)
    try saved([table])
    let results = try await run(.refuse)
    #expect(results[embedding.name]?.values == table.values)
    #expect(results["lm_head.weight"] == nil)
  }

  @Test func `a model that is not tied has no such trouble`() async throws {
    let head = TestTensor("lm_head.weight", .float32, [5, 4], seed: 4)
    try merge.model("base", [embedding, head], config: #"{"tie_word_embeddings": false}"#)
    try write(TestAdapter([("lm_head", 5, 4)]))
    #expect(try await run(.refuse)[embedding.name]?.values == embedding.values)
  }

  @Test(arguments: [
    ("model.embed_tokens.weight", "lm_head.weight"),
    ("language_model.model.embed_tokens.weight", "language_model.lm_head.weight"),
    ("model.language_model.embed_tokens.weight", "lm_head.weight"),
    ("transformer.wte.weight", "lm_head.weight"), ("wte.weight", "lm_head.weight"),
    ("gpt_neox.embed_in.weight", "embed_out.weight"),
  ])
  func `the head is named as its family names it`(name: String, head: String) throws {
    try merge.model(
      "base", [TestTensor(name, .float32, [5, 4], seed: 3)],
      config: #"{"tie_word_embeddings": true}"#)
    let checkpoint = try CheckpointReader.open(merge.folder.appending("base"))
    #expect(TiedPair(checkpoint)?.headName == head)
  }
}
