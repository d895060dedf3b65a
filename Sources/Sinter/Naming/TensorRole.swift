/// The part that a tensor outside the layers plays, read off its name.
///
/// It decides which slice of a layer stack the tensor comes from, and which tensors an input may
/// lack because it ties its output head to its embedding.
enum TensorRole: Hashable {
  /// Comes before the layers: embeddings of tokens, positions and patches.
  case before
  /// Comes after the layers: the final norm, poolers, classifiers, what belongs to an output head
  /// beside its matrix.
  case after
  /// The matrix that turns the last hidden state into logits, one row per token.
  case outputHead

  /// Reads the role off a name.
  ///
  /// - Parameter name: the name of a tensor that belongs to no layer.
  init(_ name: String) {
    let components = name.split(separator: ".")
    if Self.isOutputHead(components) {
      self = .outputHead
    } else if components.first == "mtp" {
      // What predicts several tokens works on the last hidden state, embeddings included.
      self = .after
    } else if components.contains(where: Self.comesBefore) {
      self = .before
    } else {
      self = .after
    }
  }

  /// Whether a tensor is the matrix of an output head: named as one, or the decoder of a part that
  /// is (`cls.predictions.decoder`, `lm_head.decoder`); its bias and its norm are not.
  private static func isOutputHead(_ components: [Substring]) -> Bool {
    guard components.last == "weight", let owner = components.dropLast().last else { return false }
    if outputHeads.contains(owner) { return true }
    guard let outer = components.dropLast(2).last else { return false }
    return (owner == "decoder" && (outer == "predictions" || outer == "lm_head"))
      || (owner == "linear" && outer == "lm_head")
  }

  private static let outputHeads: Set<Substring> = [
    "lm_head", "embed_out", "output_layer", "output", "vocab_projector", "proj_out",
  ]

  private static let firstComponents: Set<Substring> = [
    "wte", "wpe", "shared", "patch_conv", "ln_pre", "layernorm_pre", "pre_layrnorm",
    "pre_layernorm", "conv1", "conv2", "position_ids", "rotary_pos_emb", "cls_token", "mask_token",
    "multi_modal_projector",
  ]

  private static func comesBefore(_ component: Substring) -> Bool {
    // LFM2 names the norm behind its last layer so.
    component != "embedding_norm"
      && (component.contains("embed") || firstComponents.contains(component))
  }

  /// Whether a tensor is a table of token embeddings, one row per token.
  ///
  /// - Parameter name: the name of a tensor.
  /// - Returns: whether the name is that of such a table.
  static func isTokenEmbedding(_ name: String) -> Bool {
    let components = name.split(separator: ".")
    guard components.last == "weight", components.count >= 2 else { return false }
    if tokenEmbeddings.contains(components[components.count - 2]) { return true }
    // Mamba: `backbone.embeddings.weight`.
    return components.suffix(3) == ["backbone", "embeddings", "weight"]
  }

  private static let tokenEmbeddings: Set<Substring> = [
    "embed_tokens", "wte", "word_embeddings", "tok_embeddings", "embed_in", "shared",
  ]
}
