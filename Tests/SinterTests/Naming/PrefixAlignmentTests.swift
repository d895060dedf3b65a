import SinterTensors
import Testing

@testable import Sinter

@Suite struct PrefixAlignmentTests {
  private func shapes(_ sample: ArchitectureSample) -> [(name: String, shape: Shape)] {
    sample.entries.map { ($0.name, Shape($0.shape)) }
  }

  private func named(_ names: [String]) -> [(name: String, shape: Shape)] {
    names.map { ($0, [2]) }
  }

  @Test func `equal names need no alignment`() {
    let names = shapes(.llama)
    #expect(PrefixAlignment(of: names, to: names) == nil)
  }

  @Test func `one prefix stands for another`() throws {
    let (bare, prefixed) = (shapes(.gpt2), shapes(.gpt2Headed))
    let adding = try #require(PrefixAlignment(of: bare, to: prefixed))
    #expect(adding.substitutions == [.init(own: "", other: "transformer.")])
    #expect(Set(adding.renamed.values) == Set(prefixed.map(\.name)))
    let removing = try #require(PrefixAlignment(of: prefixed, to: bare))
    #expect(removing.substitutions == [.init(own: "transformer.", other: "")])
    #expect(removing.renamed["transformer.wte.weight"] == "wte.weight")
  }

  @Test func `each part of a model may have its own prefix`() throws {
    let (old, new) = (shapes(.gemma3), shapes(.gemma3Renamed))
    let alignment = try #require(PrefixAlignment(of: old, to: new))
    for tensor in old {
      let expected =
        tensor.name
        .replacing("language_model.model.", with: "model.language_model.")
        .replacing("vision_tower.vision_model.", with: "model.vision_tower.")
        .replacing("multi_modal_projector.", with: "model.multi_modal_projector.")
      #expect(alignment.renamed[tensor.name] == expected)
    }
    #expect(PrefixAlignment(of: new, to: old)?.renamed.count == old.count)
  }

  @Test func `a text model aligns with the text part of a larger one`() throws {
    let text = shapes(.gemma3).filter { $0.name.hasPrefix("language_model.model.") }
      .map { (name: "model." + $0.name.dropFirst("language_model.model.".count), shape: $0.shape) }
    let into = try #require(PrefixAlignment(of: text, to: shapes(.gemma3)))
    #expect(into.substitutions == [.init(own: "", other: "language_model.")])
    let from = try #require(PrefixAlignment(of: shapes(.gemma3), to: text))
    #expect(from.renamed.count == text.count)
    #expect(from.renamed["language_model.model.norm.weight"] == "model.norm.weight")
  }

  @Test func `tensors without a partner forbid an alignment`() {
    #expect(
      PrefixAlignment(
        of: named(["a.x.w", "a.y.w", "a.z.w"]), to: named(["b.x.w", "b.y.w", "b.q.w"]))
        == nil)
  }

  @Test func `another shape forbids an alignment`() {
    #expect(
      PrefixAlignment(of: [("a.x.w", [2]), ("a.y.w", [3])], to: [("b.x.w", [2]), ("b.y.w", [2])])
        == nil)
  }

  @Test func `a layer number is no prefix`() {
    #expect(PrefixAlignment(of: named(["h.1.x.w"]), to: named(["h.0.x.w"])) == nil)
  }

  @Test func `a few tensors of other names are no other prefix`() {
    let common = ["a.w", "b.w", "c.w", "d.w"]
    #expect(
      PrefixAlignment(
        of: named(common + ["encoder.embed_tokens.weight"]),
        to: named(common + ["decoder.embed_tokens.weight"])) == nil)
  }

  @Test func `layers that the other lacks keep their place in the stack`() throws {
    let own = named((0..<4).map { "h.\($0).x.w" })
    let other = named((0..<2).map { "transformer.h.\($0).x.w" })
    let alignment = try #require(PrefixAlignment(of: own, to: other))
    #expect(alignment.renamed["h.3.x.w"] == "transformer.h.3.x.w")
  }

  // MARK: - In merges

  @Test func `the same model under other prefixes merges with the base's names`() async throws {
    for (base, other) in [
      (ArchitectureSample.gpt2, ArchitectureSample.gpt2Headed),
      (.gpt2Headed, .gpt2), (.gemma3, .gemma3Renamed), (.gemma3Renamed, .gemma3),
    ] {
      let merge = try TestMerge()
      let (a, b) = (base.tensors(seed: 2), other.tensors(seed: 3))
      try merge.model("a", a, config: base.config)
      try merge.model("b", b, config: other.config)
      let recipe = GroupPlannerTests.recipe
      let plan = try merge.plan(recipe)
      #expect(plan.tensors.map(\.name).sorted() == base.entries.map(\.name).sorted())
      #expect(plan.remarks.count == 1 && plan.remarks[0].severity == .note)
      #expect(plan.ledger.inputs[1].map(\.tensor) == other.entries.map(\.name))
      let results = try await merge.run(recipe)
      for (index, entry) in base.entries.enumerated() where entry.dtype.isFloatingPoint {
        let result = try #require(results.first { $0.name == entry.name })
        let exact = zip(a[index].values, b[index].values).map { 0.5 * $0 + 0.5 * $1 }
        #expect(result.values == exact.map { TestTensor.stored($0, entry.dtype) })
      }
    }
  }

  @Test func `the note says which prefixes differ`() throws {
    let merge = try TestMerge()
    try merge.model("a", ArchitectureSample.gpt2.tensors(seed: 2))
    try merge.model("b", ArchitectureSample.gpt2Headed.tensors(seed: 2))
    #expect(
      try merge.plan(GroupPlannerTests.recipe).remarks.map(\.description) == [
        "note: 'b' names its tensors in another way than 'a' and is read with the latter's names: "
          + "from 'transformer.' to no prefix"
      ])
  }

  @Test func `layers of models of other prefixes stack`() async throws {
    let merge = try TestMerge()
    let sources = [
      ArchitectureSample.gpt2.tensors(seed: 2), ArchitectureSample.gpt2Headed.tensors(seed: 3),
    ]
    try merge.model("a", sources[0], config: ArchitectureSample.gpt2.config)
    try merge.model("b", sources[1], config: ArchitectureSample.gpt2Headed.config)
    let results = try await merge.run(CompatibilityReportTests.stack)
    let names = results.map(\.name)
    #expect(!names.contains { $0.hasPrefix("transformer.") })
    for (name, source) in [
      "h.1.ln_1.weight": (0, "h.1.ln_1.weight"),
      "h.2.ln_1.weight": (1, "transformer.h.1.ln_1.weight"),
      "wte.weight": (0, "wte.weight"), "ln_f.bias": (1, "transformer.ln_f.bias"),
    ] {
      let result = results.first { $0.name == name }
      #expect(result != nil)
      #expect(
        result?.values == sources[source.0].first { $0.name == source.1 }?.values, "\(name)")
    }
  }
}
