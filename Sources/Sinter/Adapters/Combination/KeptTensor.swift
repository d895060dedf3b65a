import Safetensors

/// A tensor that adapters store as it is to be, taken over unchanged.
struct KeptTensor: Sendable {
  /// What it is.
  enum Role: Sendable, Hashable {
    /// A tensor of a module that is stored whole.
    case whole
    /// The bias of a module that has factors.
    case bias
    /// The bias of a module that has neither factors nor is stored whole.
    case otherBias
    /// The weight that factors are added to.
    case weight
    /// The magnitudes of a module that has factors (DoRA).
    case magnitude
    /// The rows of trained tokens.
    case rows(AdapterTokenRows)
  }

  /// The name of the model's tensor without the adapter's prefix.
  let target: String
  let role: Role
  /// The tensor and the file that it is in.
  let tensor: CheckpointTensor
  let file: InputFile

  /// The name in the file that is written, without the prefix.
  var storedName: String {
    let owner = ModuleName.owner(of: target)
    switch role {
    case .whole, .otherBias: return target
    case .bias: return owner + ".base_layer.bias"
    case .weight: return owner + ".base_layer.weight"
    case .magnitude: return owner + ".lora_magnitude_vector"
    case .rows: return owner + ".token_adapter.trainable_tokens_delta"
    }
  }
}

extension [KeptTensor] {
  /// Which biases of the model they hold, as a configuration says it.
  var biasMode: AdapterConfiguration.BiasMode {
    if contains(where: { $0.role == .otherBias }) { return .all }
    return contains { $0.role == .bias } ? .targets : .none
  }

  /// The tokens whose rows they hold.
  var tokenIndices: [AdapterConfiguration.TokenIndices] {
    let rows = compactMap { kept in
      if case .rows(let rows) = kept.role { rows } else { nil }
    }
    // Without a name they are those of the input embedding; where there are several, each has one.
    return rows.map {
      AdapterConfiguration.TokenIndices(
        module: rows.count > 1 ? $0.key ?? $0.module : $0.key, rows: $0.rows)
    }
  }
}
