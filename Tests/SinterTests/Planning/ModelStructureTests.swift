import SinterTensors
import Testing

@testable import Sinter

@Suite struct ModelStructureTests {
  private func structure(_ name: String) throws -> ModelStructure {
    let merge = try TestMerge()
    let sample = ArchitectureSample.named(name)
    try merge.model("a", sample.tensors(seed: 1), config: sample.config)
    return ModelStructure(try CheckpointReader.open(merge.folder.appending("a")))
  }

  @Test(
    arguments: [
      ("llama", "model.layers.", 3, 3, "num_hidden_layers"),
      ("gpt2", "h.", 3, 3, "n_layer"),
      ("deepseek v3", "model.layers.", 3, 4, "num_hidden_layers"),
      ("qwen3.5", "model.language_model.layers.", 4, 4, "text_config.num_hidden_layers"),
      ("qwen3.5", "mtp.layers.", 1, 1, ""),
      ("t5", "encoder.block.", 2, 2, "num_layers"),
      ("t5", "decoder.block.", 3, 3, "num_decoder_layers"),
      ("whisper", "model.encoder.layers.", 2, 2, "encoder_layers"),
      ("whisper", "model.decoder.layers.", 3, 3, "decoder_layers"),
      ("gemma 3", "language_model.model.layers.", 3, 3, "text_config.num_hidden_layers"),
      (
        "gemma 3", "vision_tower.vision_model.encoder.layers.", 2, 2,
        "vision_config.num_hidden_layers"
      ),
      ("qwen2.5-vl", "model.layers.", 3, 3, "num_hidden_layers"),
      ("qwen2.5-vl", "visual.blocks.", 2, 2, "vision_config.depth"),
    ] as [(String, String, Int, Int, String)])
  func `stacks find what the configuration says of them`(
    name: String, prefix: String, count: Int, stored: Int, key: String
  ) throws {
    let stack = try #require(try structure(name).stacks[prefix])
    #expect(stack.count == count)
    #expect(stack.storedCount == stored)
    #expect(stack.key?.joined(separator: ".") ?? "" == key)
  }

  @Test func `without a configuration stacks of several layers are told from others`() throws {
    let merge = try TestMerge()
    let names = ["mtp.layers.0.w", "mm_projector.0.w", "mm_projector.2.w", "h.0.w", "h.1.w"]
    try merge.model("a", names.map { TestTensor($0, .float32, [1], [1]) }, config: nil)
    let structure = ModelStructure(try CheckpointReader.open(merge.folder.appending("a")))
    #expect(
      structure.stacksToSlice(among: Set(structure.stacks.keys)).map(\.prefix) == ["h."])
    #expect(structure.stacksToSlice(among: []).isEmpty)
    #expect(structure.stacksToSlice(among: ["mm_projector."]).map(\.prefix) == ["mm_projector."])
  }
}
