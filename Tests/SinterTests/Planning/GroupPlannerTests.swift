import SinterTensors
import Testing

@testable import Sinter

/// Tensors that some inputs lack, and output heads that some inputs tie.
@Suite struct GroupPlannerTests {
  static let recipe = """
    merge_method: linear
    base_model: a
    models:
      - model: a
        parameters: {weight: 0.5}
      - model: b
        parameters: {weight: 0.5}
    """

  private func tensor(_ name: String, _ seed: UInt64, _ shape: [Int] = [4, 2]) -> TestTensor {
    TestTensor(name, .float64, shape, seed: seed)
  }

  private func mean(_ a: TestTensor, _ b: TestTensor) -> [Double] {
    zip(a.values, b.values).map { 0.5 * $0 + 0.5 * $1 }
  }

  // MARK: - Missing tensors

  @Test(arguments: [MissingPolicy.base, .copy])
  func `tensors that others lack are copied or left out`(policy: MissingPolicy) async throws {
    let merge = try TestMerge()
    let a = [tensor("x", 1), tensor("own", 2)]
    let b = [tensor("other", 3), tensor("x", 4)]
    try merge.model("a", a)
    try merge.model("b", b)
    let options = PlanOptions(onMissing: policy)
    let results = try await merge.run(Self.recipe, options: options)
    #expect(results.map(\.name) == ["x", "own"] + (policy == .copy ? ["other"] : []))
    #expect(results[0].values == mean(a[0], b[1]))
    #expect(results[1].values == a[1].values)
    if policy == .copy { #expect(results[2].values == b[0].values) }
    let ledger = try merge.plan(Self.recipe, options: options).ledger
    #expect(
      ledger.inputs == [
        [
          .init(tensor: "x", fate: .merged(into: ["x"])),
          .init(tensor: "own", fate: .copied(into: ["own"], .missingElsewhere)),
        ],
        [
          .init(
            tensor: "other",
            fate: policy == .copy
              ? .copied(into: ["other"], .missingElsewhere) : .excluded(.notInBase)),
          .init(tensor: "x", fate: .merged(into: ["x"])),
        ],
      ])
  }

  @Test func `of three inputs the base's tensor is taken, or the first`() throws {
    let merge = try TestMerge()
    try merge.model("a", [tensor("x", 1)])
    try merge.model("b", [tensor("x", 2), tensor("y", 2)])
    try merge.model("c", [tensor("x", 3), tensor("y", 3)])
    let recipe = Self.recipe + "\n  - model: c\n    parameters: {weight: 1}"
    let copied = try merge.plan(recipe, options: PlanOptions(onMissing: .copy))
    #expect(copied.tensors.map(\.name) == ["x", "y"])
    #expect(copied.tensors[1].sources.map(\.input) == [1])
    #expect(copied.ledger.inputs[2].last?.fate == .excluded(.otherInput))
    let base = try merge.plan(recipe, options: PlanOptions(onMissing: .base))
    #expect(base.tensors.map(\.name) == ["x"])
    #expect(base.ledger.inputs[2].last?.fate == .excluded(.notInBase))
  }

  // MARK: - Whole numbers

  @Test func `whole numbers that differ are an error before anything is written`() async throws {
    let merge = try TestMerge()
    for (name, last) in [("a", 2.0), ("b", 3)] {
      try merge.model(name, [tensor("x", 1), TestTensor("ids", .int64, [2], [1, last])])
    }
    await #expect(throws: DiagnosticError.self) { try await merge.run(Self.recipe) }
    #expect(!merge.folder.exists("out"))
  }

  // MARK: - Heads

  /// Whether a model stores its head, and what its configuration says of it.
  struct Head: Sendable {
    let isStored: Bool
    let tied: Bool?

    var config: String {
      tied.map { #"{"model_type": "x", "tie_word_embeddings": \#($0)}"# } ?? #"{"model_type": "x"}"#
    }
  }

  private func plan(_ a: Head, _ b: Head) throws -> (TestMerge, MergePlan) {
    let merge = try TestMerge()
    for (name, head, seed) in [("a", a, 1), ("b", b, 5)] as [(String, Head, UInt64)] {
      let tensors = [
        tensor("model.embed_tokens.weight", seed), tensor("model.norm.weight", seed, [2]),
      ]
      try merge.model(
        name, tensors + (head.isStored ? [tensor("lm_head.weight", seed)] : []),
        config: head.config)
    }
    return (merge, try merge.plan(Self.recipe))
  }

  @Test(arguments: [true, nil])
  func `a base that ties its head leaves out another's`(tied: Bool?) async throws {
    let (merge, plan) = try plan(
      Head(isStored: false, tied: tied), Head(isStored: true, tied: false))
    #expect(plan.tensors.map(\.name) == ["model.embed_tokens.weight", "model.norm.weight"])
    #expect(
      plan.remarks.map(\.description) == [
        "warning: 'a' ties its output head to the embedding and 'b' stores its own: the output is "
          + "tied, and 'lm_head.weight' is left out"
      ])
    #expect(plan.ledger.inputs[1].last?.fate == .excluded(.tiedHead))
    try await merge.run(Self.recipe)
  }

  @Test func `a stored copy of a tied head is left out with a note`() throws {
    let (_, plan) = try plan(Head(isStored: false, tied: true), Head(isStored: true, tied: true))
    #expect(plan.remarks.map(\.severity) == [.note])
    #expect(plan.ledger.inputs[1].last?.fate == .excluded(.tiedHead))
  }

  @Test(arguments: [true, nil])
  func `the embedding stands for the head of a model that ties it`(tied: Bool?) async throws {
    let (merge, plan) = try plan(
      Head(isStored: true, tied: false), Head(isStored: false, tied: tied))
    #expect(
      plan.remarks.map(\.description) == [
        "note: 'b' ties 'lm_head.weight' to its embedding: 'model.embed_tokens.weight' is merged "
          + "in its place"
      ])
    #expect(
      plan.ledger.inputs[1].first?.fate
        == .merged(into: ["model.embed_tokens.weight", "lm_head.weight"]))
    let results = try await merge.run(Self.recipe)
    let head = try #require(results.first { $0.name == "lm_head.weight" })
    #expect(
      head.values == mean(tensor("lm_head.weight", 1), tensor("model.embed_tokens.weight", 5)))
  }

  @Test func `a head that is neither stored nor tied is missing`() throws {
    #expect(throws: DiagnosticError.self) {
      try plan(Head(isStored: true, tied: false), Head(isStored: false, tied: false))
    }
  }

  @Test func `a base without a head is followed though it is not tied`() throws {
    let (_, plan) = try plan(Head(isStored: false, tied: false), Head(isStored: true, tied: false))
    #expect(
      plan.remarks.map(\.description) == [
        "warning: 'a' stores no output head, though its configuration says that it is not tied to "
          + "the embedding: the output has none, and 'lm_head.weight' of 'b' is left out"
      ])
    #expect(plan.ledger.inputs[1].last?.fate == .excluded(.notInBase))
  }

  @Test func `two models that tie their heads have none`() throws {
    let (_, plan) = try plan(Head(isStored: false, tied: true), Head(isStored: false, tied: true))
    #expect(plan.remarks.isEmpty)
    #expect(plan.tensors.count == 2)
  }

  @Test func `the bias of a head is no head`() throws {
    let merge = try TestMerge()
    let embedding = tensor("model.embed_tokens.weight", 1)
    try merge.model("a", [embedding])
    try merge.model("b", [embedding, tensor("lm_head.bias", 1, [4])])
    #expect(
      merge.faults(Self.recipe) == [
        """
        error: 1 tensor is missing in some models:
          lm_head.bias: [4] in 'b', not in 'a'
        \(CompatibilityReportTests.hint)
        """
      ])
  }

  @Test func `a stack follows the configuration's model in its head`() async throws {
    let merge = try TestMerge()
    let untied = ArchitectureSample.makeLlama("a", type: "llama", tied: false)
    let tied = ArchitectureSample.makeLlama("b", type: "llama", tied: true)
    try merge.model("a", untied.tensors(seed: 2), config: untied.config)
    try merge.model("b", tied.tensors(seed: 3), config: tied.config)
    let results = try await merge.run(CompatibilityReportTests.stack)
    let head = try #require(results.first { $0.name == "lm_head.weight" })
    #expect(head.values == tied.tensors(seed: 3)[0].values)
    let swapped = CompatibilityReportTests.stack.replacing("model: a", with: "model: c")
      .replacing("model: b", with: "model: a").replacing("model: c", with: "model: b")
    let plan = try merge.plan(swapped)
    #expect(!plan.tensors.contains { $0.name == "lm_head.weight" })
    #expect(plan.remarks.map(\.severity) == [.warning])
  }
}
