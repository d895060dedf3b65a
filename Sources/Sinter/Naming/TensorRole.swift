/// The part that a tensor outside the layers plays, read off its name.
///
/// It decides which slice of a layer stack the tensor comes from, and which tensors an input may
/// lack because it ties its output head to its embedding.
enum TensorRole: Hashable {
  /// Comes before the layers: embeddings of tokens, positions and patches.
  case before
  /// Comes after the layers: the final norm, poolers, classifiers.
  case after
  /// Turns the last hidden state into logits, one row per token.
  case outputHead

  /// Reads the role off a name.
  ///
  /// - Parameter name: the name of a tensor that belongs to no layer.
  init(_ name: String) {
    let components = name.split(separator: ".")
    if components.contains(where: { Self.outputHeads.contains($0) })
      || name.hasSuffix("predictions.decoder.weight")
    {
      self = .outputHead
    } else if components.contains(where: Self.comesBefore) {
      self = .before
    } else {
      self = .after
    }
  }

  private static let outputHeads: Set<Substring> = [
    "lm_head", "embed_out", "output_layer", "output", "vocab_projector",
  ]

  private static let firstComponents: Set<Substring> = [
    "wte", "wpe", "shared", "patch_conv", "ln_pre", "layernorm_pre", "conv1", "conv2",
    "position_ids", "rotary_pos_emb", "cls_token", "mask_token", "multi_modal_projector",
  ]

  private static func comesBefore(_ component: Substring) -> Bool {
    component.contains("embed") || firstComponents.contains(component)
  }

  /// Whether a tensor is a table of token embeddings, one row per token.
  ///
  /// - Parameter name: the name of a tensor.
  static func isTokenEmbedding(_ name: String) -> Bool {
    let components = name.split(separator: ".")
    guard components.last == "weight", components.count >= 2 else { return false }
    return tokenEmbeddings.contains(components[components.count - 2])
  }

  private static let tokenEmbeddings: Set<Substring> = [
    "embed_tokens", "wte", "word_embeddings", "tok_embeddings", "embed_in", "shared",
  ]
}
