import Testing

@testable import Sinter

@Suite struct TensorRoleTests {
  @Test(arguments: [
    "lm_head.weight", "language_model.lm_head.weight", "embed_out.weight",
    "transformer.output_layer.weight", "output.weight", "cls.predictions.decoder.weight",
    "lm_head.decoder.weight", "lm_head.linear.weight", "vocab_projector.weight", "proj_out.weight",
  ])
  func `matrices of output heads`(name: String) {
    #expect(TensorRole(name) == .outputHead)
  }

  @Test(arguments: [
    "model.norm.weight", "transformer.ln_f.bias", "backbone.norm_f.weight", "score.weight",
    "classifier.bias", "bert.pooler.dense.weight", "lm_head.bias", "lm_head.dense.weight",
    "lm_head.layer_norm.weight", "cls.predictions.bias", "cls.predictions.transform.dense.weight",
    "model.embedding_norm.weight", "mtp.pre_fc_norm_embedding.weight", "mtp.embed_tokens.weight",
    "decoder.final_layer_norm.weight", "weight", "",
  ])
  func `what comes after the layers`(name: String) {
    #expect(TensorRole(name) == .after)
  }

  @Test(arguments: [
    "model.embed_tokens.weight", "wte.weight", "transformer.wpe.weight", "shared.weight",
    "bert.embeddings.LayerNorm.weight", "bert.embeddings.position_ids",
    "transformer.word_embeddings_layernorm.weight", "model.encoder.conv1.bias",
    "model.encoder.conv2.weight", "model.visual.patch_embed.proj.weight",
  ])
  func `what comes before the layers`(name: String) {
    #expect(TensorRole(name) == .before)
  }

  @Test func `tables of tokens`() {
    for name in [
      "model.embed_tokens.weight", "wte.weight", "bert.embeddings.word_embeddings.weight",
      "backbone.embeddings.weight", "gpt_neox.embed_in.weight", "shared.weight",
    ] {
      #expect(TensorRole.isTokenEmbedding(name), "\(name)")
    }
    for name in [
      "wpe.weight", "embed_tokens.bias", "weight", "lm_head.weight", "embeddings.weight",
    ] {
      #expect(!TensorRole.isTokenEmbedding(name), "\(name)")
    }
  }
}
