import Testing

@testable import Sinter

@Suite struct ModuleNamesTests {
  private let gemma = ArchitectureSample.gemma3.entries.map(\.name)
  private let qwen = ArchitectureSample.named("qwen2.5-vl").entries.map(\.name)

  @Test func `a prefix names a module, with and without its dot`() {
    for name in ["vision_tower.vision_model", "vision_tower.vision_model."] {
      let names = ModuleNames([name], tensors: gemma)
      #expect(names.unknown.isEmpty)
      #expect(names.module(of: "vision_tower.vision_model.post_layernorm.bias") == 0)
      #expect(names.module(of: "language_model.model.norm.weight") == nil)
    }
  }

  @Test func `the longest prefix wins`() {
    let names = ModuleNames(["vision_tower", "multi_modal_projector", "default"], tensors: qwen)
    #expect(names.module(of: "visual.blocks.0.norm1.weight") == 0)
    #expect(names.module(of: "visual.merger.ln_q.weight") == 1)
    #expect(names.module(of: "lm_head.weight") == 2)
  }

  @Test func `a text decoder does not take what other modules have, listed or not`() {
    let names = ModuleNames(["text_decoder"], tensors: gemma)
    #expect(names.module(of: "language_model.model.norm.weight") == 0)
    #expect(names.module(of: "vision_tower.vision_model.post_layernorm.bias") == nil)
    #expect(names.module(of: "multi_modal_projector.mm_soft_emb_norm.weight") == nil)
    let all = ModuleNames(["default"], tensors: gemma)
    #expect(gemma.allSatisfy { all.module(of: $0) == 0 })
  }

  @Test func `names that no tensor has are unknown`() {
    let names = ModuleNames(["vision", "audio_tower", "shared", "encoder"], tensors: gemma)
    #expect(names.unknown == [0, 1, 2, 3])
    #expect(names.known == ["text_decoder", "multi_modal_projector", "vision_tower"])
    #expect(ModuleNames(["default", "text_decoder"], tensors: gemma).unknown == [1])
  }

  @Test func `the parts of encoder-decoder models`() {
    let whisper = ArchitectureSample.named("whisper").entries.map(\.name) + ["proj_out.weight"]
    let names = ModuleNames(["encoder", "decoder"], tensors: whisper)
    #expect(names.known == ["decoder", "encoder"])
    #expect(names.module(of: "model.encoder.conv1.weight") == 0)
    #expect(names.module(of: "proj_out.weight") == 1)
    let t5 = ArchitectureSample.named("t5 v1.1").entries.map(\.name)
    #expect(ModuleNames(["shared"], tensors: t5).module(of: "lm_head.weight") == 0)
    #expect(ModuleNames(["shared"], tensors: t5).known == ["decoder", "encoder", "shared"])
  }
}
