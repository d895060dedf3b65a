import Safetensors

extension AdapterConfigurationReader {
  /// The configuration of an adapter of PEFT.
  mutating func peft() -> AdapterConfiguration? {
    guard let type = text("peft_type") else { return nil }
    guard type.uppercased() == "LORA" else {
      fail(
        "adapters of type '\(type)' are not supported, only LoRA is",
        hint: "merge it into its base with the library that trained it, and use the result")
      return nil
    }
    refuseOtherArithmetic()
    refuseUnknownMembers()
    let rank = member("r").flatMap { wholeNumber($0, "r") }
    let alpha = member("lora_alpha").flatMap { realNumber($0, "lora_alpha") }
    for key in ["r", "lora_alpha"] where member(key) == nil { fail("'\(key)' is missing") }
    let usesRoot = flag("use_rslora")
    let mode = text("bias") ?? "none"
    let bias = AdapterConfiguration.BiasMode(rawValue: mode)
    if bias == nil { fail("'bias' must be none, all or lora_only, found '\(mode)'") }
    let hasFactorBias = flag("lora_bias")
    let usesMagnitudes = flag("use_dora")
    if hasFactorBias, usesMagnitudes { fail("'lora_bias' and 'use_dora' exclude each other") }
    return AdapterConfiguration(
      format: .peft, rank: rank ?? 1, alpha: alpha ?? 0,
      scaling: usesRoot ? .alphaOverRootOfRank : .alphaOverRank,
      rankPatterns: patterns("rank_pattern") { $0.wholeNumber($1, $2) },
      alphaPatterns: patterns("alpha_pattern") { $0.realNumber($1, $2) },
      isFanInFanOut: flag("fan_in_fan_out"), bias: bias ?? .none, hasFactorBias: hasFactorBias,
      usesMagnitudes: usesMagnitudes, modulesToSave: names("modules_to_save"),
      targetParameters: names("target_parameters"), tokenIndices: tokenIndices(),
      keepsTies: flag("ensure_weight_tying"), baseModel: text("base_model_name_or_path"),
      version: text("peft_version"))
  }

  /// `trainable_token_indices`: a list for the input embedding, or a map from modules to lists.
  private mutating func tokenIndices() -> [AdapterConfiguration.TokenIndices] {
    let key = "trainable_token_indices"
    guard let value = member(key) else { return [] }
    let entries: [(module: String?, list: JSONValue)] =
      if let members = value.object {
        members.map { ($0.key, $0.value) }
      } else {
        [(nil, value)]
      }
    return entries.compactMap { entry in
      let rows = entry.list.array?.compactMap(\.int)
      guard let rows, rows.count == entry.list.array?.count, rows.allSatisfy({ $0 >= 0 }) else {
        wrong(key, "a list of token numbers, or a map to such lists", value)
        return nil
      }
      guard Set(rows).count == rows.count else {
        fail("'\(key)' names a token twice")
        return nil
      }
      return AdapterConfiguration.TokenIndices(module: entry.module, rows: rows)
    }
  }

  /// Refuses by name what makes another update than scale · B · A.
  private mutating func refuseOtherArithmetic() {
    for (key, what) in Self.unsupported where isSet(key) {
      fail(
        "'\(key)': \(what), which is not supported",
        hint: "merge it into its base with PEFT, and use the result")
    }
    guard let value = member("init_lora_weights"), let name = value.string?.lowercased() else {
      return
    }
    // These take a part of the base's weights into the adapter, and train on what is left.
    if ["pissa", "corda", "olora", "lora_ga", "loftq"].contains(where: { name.hasPrefix($0) }) {
      fail(
        "'init_lora_weights' is '\(name)': the adapter belongs to a base whose weights were "
          + "changed when training began, not to the model as published",
        hint: "save it as a plain adapter (save_pretrained with "
          + "path_initial_model_for_weight_conversion), or, when the base that you name is the "
          + "changed one, set 'init_lora_weights' to true")
    }
  }

  private static let unsupported: [(key: String, what: String)] = [
    ("use_qalora", "QA-LoRA pools its inputs in groups"),
    ("use_bdlora", "BD-LoRA has block-diagonal factors"),
    ("kasa_config", "KaSA drops singular values of the base"),
    ("arrow_config", "Arrow routes each token to one of several adapters"),
    ("alora_invocation_tokens", "an activated LoRA changes only what follows its invocation"),
    ("layer_replication", "the base's layers are repeated before the adapter applies"),
    ("enable_lora", "one matrix is adapted in parts"),
  ]

  /// Whether a member says more than its default.
  private func isSet(_ key: String) -> Bool {
    guard let value = member(key) else { return false }
    switch value.content {
    case .bool(let isOn): return isOn
    case .object(let members): return !members.isEmpty
    case .array(let elements): return !elements.isEmpty
    case .string(let text): return !text.isEmpty
    case .number: return value.double != 0
    case .null: return false
    }
  }

  /// Refuses members that may change the arithmetic in a way that nobody here knows of.
  private mutating func refuseUnknownMembers() {
    let refused = Set(Self.unsupported.map(\.key))
    for member in document.root.object ?? [] {
      let key = member.key
      guard !Self.understood.contains(key), !Self.harmless.contains(key), !refused.contains(key),
        isSet(key)
      else { continue }
      fail(
        "unknown setting '\(key)': it may change what the adapter does to the weights",
        hint: "if it does not, remove it from the file")
    }
  }

  private static let understood: Set<String> = [
    "peft_type", "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern",
    "fan_in_fan_out", "bias", "lora_bias", "use_dora", "modules_to_save", "target_parameters",
    "trainable_token_indices", "ensure_weight_tying", "base_model_name_or_path", "peft_version",
    "init_lora_weights",
  ]

  /// What speaks of training, of loading, or of which modules have factors: the tensors themselves
  /// tell the latter.
  private static let harmless: Set<String> = [
    "task_type", "auto_mapping", "revision", "inference_mode", "lora_dropout", "target_modules",
    "exclude_modules", "layers_to_transform", "layers_pattern", "megatron_config",
    "megatron_core", "loftq_config", "eva_config", "corda_config", "lora_ga_config",
    "velora_config", "monteclora_config", "qalora_group_size", "runtime_config", "merge_weights",
    "modules_to_tie", "target_modules_to_tie", "lora_dtype", "lorap_lr_ratio", "lorap_emb_lr",
  ]
}
