/// The name of a tensor in an adapter's file, taken apart.
struct AdapterTensorName: Sendable, Hashable {
  /// What a tensor is for.
  enum Role: Sendable, Hashable {
    /// The factor next to the input: `lora_A`, `lora_a`.
    case a
    /// The factor next to the output: `lora_B`, `lora_b`.
    case b
    /// The factors of an embedding: `lora_embedding_A`, `lora_embedding_B`.
    case embeddingA, embeddingB
    /// What the second factor adds to the bias of its module.
    case biasOfB
    /// The norms that the updated weight is scaled to.
    case magnitude
    /// The rows of trained tokens.
    case tokenRows
    /// A tensor that takes the place of the model's.
    case whole
  }

  /// The name of the module; for a whole tensor, its own.
  let module: String
  /// How many factors of the same module stand around this one: packed experts have a pair of
  /// factors for each of their parameters, and only the nesting tells them apart.
  let nesting: Int
  /// What the tensor is for.
  let role: Role

  /// Takes a name of an adapter apart; `nil` for a name that no such adapter has.
  ///
  /// - Parameters:
  ///   - name: the name in the file.
  ///   - format: who wrote the file.
  init?(_ name: String, format: AdapterConfiguration.Format) {
    var parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    if format == .peft, parts.starts(with: ["base_model", "model"]), parts.count > 2 {
      parts.removeFirst(2)
    }
    switch format {
    case .peft: self.init(peft: parts)
    case .mlx: self.init(mlx: parts)
    }
  }

  private init?(peft parts: [Substring]) {
    guard
      let place = parts.lastIndex(where: { $0.hasPrefix("lora_") || $0 == "token_adapter" })
    else {
      // A wrapped module keeps its own tensors one level deeper.
      let kept = parts.filter { $0 != "base_layer" }
      guard !kept.contains("original_module"), let whole = Self.unwrapped(kept) else {
        return nil
      }
      self.init(module: whole.joined(separator: "."), nesting: 0, role: .whole)
      return
    }
    // Some trainers store the name that PEFT gives an adapter in memory.
    let tail = parts[(place + 1)...].filter { $0 != "default" }
    let role: Role? =
      switch (parts[place], tail) {
      case ("lora_A", ["weight"]): .a
      case ("lora_B", ["weight"]): .b
      case ("lora_B", ["bias"]): .biasOfB
      case ("lora_embedding_A", []): .embeddingA
      case ("lora_embedding_B", []): .embeddingB
      case ("lora_magnitude_vector", []), ("lora_magnitude_vector", ["weight"]): .magnitude
      case ("token_adapter", ["trainable_tokens_delta"]): .tokenRows
      default: nil
      }
    let owner = parts[..<place]
    let module = owner.filter { $0 != "base_layer" }
    guard let role, !module.isEmpty else { return nil }
    self.init(
      module: module.joined(separator: "."), nesting: owner.count - module.count, role: role)
  }

  private init?(mlx parts: [Substring]) {
    let role: Role? =
      switch parts.last {
      case "lora_a": .a
      case "lora_b": .b
      case "m": .magnitude
      default: nil
      }
    guard let role, parts.count > 1 else { return nil }
    self.init(module: parts.dropLast().joined(separator: "."), nesting: 0, role: role)
  }

  /// A name without the parts with which PEFT marks a module that it stores whole.
  private static func unwrapped(_ parts: [Substring]) -> [Substring]? {
    guard let place = parts.firstIndex(of: "modules_to_save") else {
      return parts.isEmpty ? nil : parts
    }
    var kept = parts
    kept.remove(at: place)
    if place < kept.count, kept[place] == "default" { kept.remove(at: place) }
    return kept.isEmpty ? nil : kept
  }

  private init(module: String, nesting: Int, role: Role) {
    self.module = module
    self.nesting = nesting
    self.role = role
  }
}
