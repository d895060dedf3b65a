import SinterTensors
import Testing

@testable import Sinter

@Suite struct LedgerTests {
  @Test func `every tensor of every input has a fate in slices`() throws {
    let merge = try TestMerge()
    let sample = ArchitectureSample.llama
    for (name, seed) in [("a", 2), ("b", 3), ("c", 4)] as [(String, UInt64)] {
      try merge.model(name, sample.tensors(seed: seed), config: sample.config)
    }
    let plan = try merge.plan(
      """
      merge_method: passthrough
      base_model: c
      slices:
        - sources: [{model: a, layer_range: [0, 1]}]
        - sources: [{model: b, layer_range: [2, 3]}]
        - sources: [{model: b, layer_range: [2, 3]}]
      """)
    func fates(_ name: String) -> [Ledger.Fate?] {
      plan.inputs.indices.map { place in
        plan.ledger.inputs[place].first { $0.tensor == name }?.fate
      }
    }
    #expect(plan.inputs.map(\.name) == ["c", "a", "b"])
    for place in plan.inputs.indices {
      let counts = plan.ledger.counts(ofInput: place)
      #expect(counts.total == sample.entries.count)
      #expect(counts.merged == 0)
      #expect(counts.copied == [0, 10, 11][place])
    }
    #expect(
      fates("model.embed_tokens.weight") == [
        .excluded(.configurationOnly), .copied(into: ["model.embed_tokens.weight"], .method),
        .excluded(.otherSlice),
      ])
    #expect(
      fates("model.layers.2.mlp.up_proj.weight") == [
        .excluded(.configurationOnly), .excluded(.layerNotSelected),
        .copied(
          into: ["model.layers.1.mlp.up_proj.weight", "model.layers.2.mlp.up_proj.weight"], .method),
      ])
    #expect(plan.configuration?.contains(#""num_hidden_layers": 3"#) == true)
  }

  @Test func `models of other modules are told so`() throws {
    let merge = try TestMerge()
    let sample = ArchitectureSample.named("t5")
    for name in ["a", "b"] {
      try merge.model(name, sample.tensors(seed: 2), config: sample.config)
    }
    let plan = try merge.plan(
      """
      merge_method: passthrough
      modules:
        encoder: {models: [{model: a}]}
        decoder: {models: [{model: b}]}
        shared: {models: [{model: b}]}
      """)
    let fates = plan.ledger.inputs.map { entries in
      entries.filter { $0.fate == .excluded(.otherModule) }.map(\.tensor)
    }
    #expect(fates[0].allSatisfy { !$0.hasPrefix("encoder.") } && !fates[0].isEmpty)
    #expect(fates[1].allSatisfy { $0.hasPrefix("encoder.") } && !fates[1].isEmpty)
    #expect(plan.tensors.count == sample.entries.count)
  }
}
