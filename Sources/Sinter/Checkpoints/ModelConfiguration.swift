import Safetensors
import SinterTensors

/// A model's `config.json`: what it says, and edits that leave everything else as written.
public struct ModelConfiguration: Sendable {
  /// The file, as messages name it.
  let file: String
  private let document: JSONDocument

  /// Reads a configuration.
  ///
  /// - Parameters:
  ///   - bytes: the text of the file.
  ///   - file: the file, as messages name it.
  /// - Throws: ``DiagnosticError`` when the text is not a JSON object.
  init(_ bytes: [UInt8], file: String) throws(DiagnosticError) {
    self.file = file
    do throws(JSONError) {
      document = try JSONDocument(parsing: bytes, dialect: .python)
    } catch {
      throw DiagnosticError([Diagnostic(file: file, "the configuration is not JSON: \(error)")])
    }
    guard document.root.object != nil else {
      throw DiagnosticError([Diagnostic(file: file, "the configuration is not a JSON object")])
    }
  }

  /// The text of the configuration, as edited so far.
  var text: String { document.text }

  /// The name of the model class, `nil` when there is none or more than one.
  var architecture: String? {
    guard let names = document["architectures"]?.array, names.count == 1 else { return nil }
    return names[0].string
  }

  /// The family of the model, such as `llama`.
  var modelType: String? { document["model_type"]?.string }

  /// Whether the output head is the token embedding; `nil` when the configuration does not say.
  ///
  /// The configuration of a multimodal model may say it of its text part only.
  var tiesWordEmbeddings: Bool? {
    document["tie_word_embeddings"]?.bool
      ?? document.value(at: ["text_config", "tie_word_embeddings"])?.bool
  }

  /// The method by which weights are quantized, `nil` when they are not.
  ///
  /// A multimodal model may say it of its text part only.
  var quantization: String? {
    for scope in scopes {
      for key in Self.quantizationKeys {
        guard let value = document.value(at: scope.steps + [.key(key)]), value.object != nil
        else { continue }
        return value["quant_method"]?.string ?? value["quant_algo"]?.string
          ?? value["bits"]?.int.map { "\($0) bits" } ?? "unknown method"
      }
    }
    return nil
  }

  private static let quantizationKeys = [
    "quantization_config", "compression_config", "quantization",
  ]

  /// A whole number at a path of keys, or `nil`.
  func integer(at path: [String]) -> Int? { document.value(at: path.steps)?.int }

  /// The first of several numbers that exists, with its key, at the top or in the text part.
  func firstInteger(of keys: [String]) -> (key: String, value: Int)? {
    for scope in [[], ["text_config"]] {
      for key in keys {
        if let value = integer(at: scope + [key]) { return (key, value) }
      }
    }
    return nil
  }

  /// The objects of the configuration that can describe a part of the model: itself and the
  /// objects in it, two levels deep.
  private var scopes: [[String]] {
    var found: [[String]] = [[]]
    for member in document.root.object ?? [] {
      guard let inner = member.value.object else { continue }
      found.append([member.key])
      for nested in inner where nested.value.object != nil {
        found.append([member.key, nested.key])
      }
    }
    return found
  }

  /// A statement of how many layers a stack has.
  struct LayerCount: Hashable {
    /// The keys that lead to the number.
    let path: [String]
    /// The number of layers.
    let count: Int
  }

  /// All statements of a number of layers.
  var layerCounts: [LayerCount] {
    scopes.flatMap { scope in
      Self.layerCountKeys.compactMap { key in
        integer(at: scope + [key]).map { LayerCount(path: scope + [key], count: $0) }
      }
    }
  }

  private static let layerCountKeys = [
    "num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers",
    "num_encoder_layers", "decoder_layers", "encoder_layers", "depth",
  ]
}

// MARK: - Edits

extension ModelConfiguration {
  /// Says which element type the weights have, wherever the configuration says it.
  ///
  /// - Parameters:
  ///   - dtype: the element type of the output's weights.
  ///   - adds: whether to say it when the configuration does not.
  /// - Returns: the edited configuration.
  /// - Throws: ``DiagnosticError`` when the text cannot be edited.
  func settingDType(_ dtype: DType, adds: Bool) throws(DiagnosticError) -> ModelConfiguration {
    guard let name = dtype.torchName else { return self }
    var result = self
    var isSaid = false
    for scope in scopes {
      for key in ["dtype", "torch_dtype"] {
        guard document.value(at: (scope + [key]).steps)?.string != nil else { continue }
        result = try result.setting(scope + [key], to: .string(name))
        if scope.isEmpty { isSaid = true }
      }
    }
    if !isSaid, adds { result = try result.setting(["torch_dtype"], to: .string(name)) }
    return result
  }

  /// Says which model class reads the weights.
  func settingArchitecture(_ name: String) throws(DiagnosticError) -> ModelConfiguration {
    try setting(["architectures"], to: .array([.string(name)]))
  }

  /// Says that the output head is not the token embedding, wherever the configuration speaks of it.
  func settingUntied() throws(DiagnosticError) -> ModelConfiguration {
    let key = "tie_word_embeddings"
    var result = try setting([key], to: .bool(false))
    for scope in scopes where !scope.isEmpty {
      guard document.value(at: (scope + [key]).steps)?.bool == true else { continue }
      result = try result.setting(scope + [key], to: .bool(false))
    }
    return result
  }

  /// Says how many tokens there are, wherever the configuration says the old number.
  func settingVocabulary(from old: Int, to new: Int) throws(DiagnosticError) -> ModelConfiguration {
    var result = self
    for scope in scopes where integer(at: scope + ["vocab_size"]) == old {
      result = try result.setting(scope + ["vocab_size"], to: .number(new))
    }
    return result
  }

  /// Says of which layers a stack consists.
  ///
  /// The number of layers is changed, and every list in the same object that has one entry per
  /// layer, such as `layer_types`, is made anew from the entries of the layers that were taken.
  ///
  /// - Parameters:
  ///   - key: where the number of layers stands.
  ///   - layers: for each layer of the output, the configuration of the model that it comes from
  ///     and its number there.
  /// - Returns: the edited configuration.
  /// - Throws: ``DiagnosticError`` when a list has no entry for one of the layers.
  func settingLayers(
    at key: [String], to layers: [(configuration: ModelConfiguration, layer: Int)]
  ) throws(DiagnosticError) -> ModelConfiguration {
    guard let oldCount = integer(at: key) else { return self }
    var result = try setting(key, to: .number(layers.count))
    let scope = Array(key.dropLast())
    for member in document.value(at: scope.steps)?.object ?? [] {
      let path = scope + [member.key]
      guard path != key else { continue }
      if let text = try layerText(of: member, at: path, layers, oldCount: oldCount) {
        result = try result.setting(path, to: text)
      }
    }
    return result
  }

  /// What becomes of a member that speaks of layers; `nil` for one that does not.
  private func layerText(
    of member: JSONValue.Member, at path: [String],
    _ layers: [(configuration: ModelConfiguration, layer: Int)], oldCount: Int
  ) throws(DiagnosticError) -> JSONText? {
    let (key, value) = (member.key, member.value)
    if Self.layerIndexLists.contains(key), value.array != nil {
      let new = layers.indices.filter { place in
        let entries = layers[place].configuration.document.value(at: path.steps)?.array
        return (entries ?? []).contains { $0.int == layers[place].layer }
      }
      return .array(new.map { .number($0) })
    }
    if let entries = value.array, entries.count == oldCount, oldCount > 0,
      !Self.isNoLayerList(key)
    {
      var taken: [JSONText] = []
      for (configuration, layer) in layers {
        guard
          let text = configuration.entry(ofLayer: layer, in: path)
            ?? entry(ofLayer: layer, in: path)
        else { throw .noLayerEntry(configuration.file, path, layer: layer) }
        taken.append(.verbatim(text))
      }
      return .array(taken)
    }
    if key.contains("pattern"), let letters = value.string.map({ Array($0) }),
      letters.count == oldCount, oldCount > 1
    {
      let taken = layers.map { configuration, layer in
        let own = configuration.document.value(at: path.steps)?.string.map { Array($0) } ?? letters
        return own.indices.contains(layer) ? own[layer] : letters[min(layer, oldCount - 1)]
      }
      return .string(String(taken))
    }
    guard let number = value.int else { return nil }
    if Self.leadingLayerKeys.contains(key) {
      if number >= oldCount { return .number(layers.count) }
      return .number(layers.prefix { $0.layer < number }.count)
    }
    // Encoder-decoder models also say how many layers their encoder has by the common key.
    let isAlias =
      path.count == 1 && key == "num_hidden_layers" && number == oldCount
      && integer(at: ["encoder_layers"]) == oldCount && document["decoder_layers"] != nil
    return isAlias ? .number(layers.count) : nil
  }

  /// What the configuration says of layers by rule, and what the layers of a new stack do not obey.
  ///
  /// - Parameters:
  ///   - key: where the number of layers stands.
  ///   - layers: the number that each layer of the output has in its model.
  /// - Returns: a warning for each such rule.
  func layerRemarks(at key: [String], for layers: [Int]) -> [Diagnostic] {
    let scope = Array(key.dropLast())
    let hasList = document.value(at: (scope + ["layer_types"]).steps)?.array != nil
    return (document.value(at: scope.steps)?.object ?? []).compactMap { member in
      guard let number = member.value.int else { return nil }
      let isBroken =
        if Self.leadingLayerKeys.contains(member.key) {
          // The layers below the number must come first, and all of them.
          layers.drop { $0 < number }.contains { $0 < number }
        } else if Self.periodKeys.contains(member.key), !hasList, number > 1 {
          layers.indices.contains { layers[$0] % number != $0 % number }
        } else {
          false
        }
      guard isBroken else { return nil }
      let path = (scope + [member.key]).joined(separator: ".")
      return Diagnostic(
        .warning, file: file,
        "'\(path)' tells by a layer's number how it is built, and the new order of layers does not "
          + "fit it: the output may not load")
    }
  }

  /// Whether a list has nothing to do with layers, however many entries it has.
  private static func isNoLayerList(_ key: String) -> Bool {
    key == "architectures" || key.hasPrefix("rope")
      || ["token", "image", "patch", "size", "labels"].contains { key.contains($0) }
  }

  /// Lists that name layers by number.
  private static let layerIndexLists: Set<String> = [
    "mlp_only_layers", "full_attn_idxs", "attn_layer_indices", "attn_layer_idx",
    "cross_attention_layers", "global_attn_layers", "moe_layers", "fullatt_block_indexes",
    "deepstack_visual_indexes",
  ]

  /// Numbers of layers at the beginning of a stack that are built in another way than the rest.
  private static let leadingLayerKeys: Set<String> = ["max_window_layers", "first_k_dense_replace"]

  /// How many layers it takes until a layer is built like the first again.
  private static let periodKeys: Set<String> = [
    "full_attention_interval", "sliding_window_pattern", "global_attn_every_n_layers",
    "interleave_moe_layer_step", "no_rope_layer_interval", "decoder_sparse_step",
    "moe_layer_freq", "attn_layer_period", "expert_layer_period",
  ]

  /// The text of a list's entry for one layer.
  private func entry(ofLayer layer: Int, in path: [String]) -> String? {
    guard let entries = document.value(at: path.steps)?.array, entries.indices.contains(layer)
    else { return nil }
    return document.text(of: entries[layer])
  }

  private func setting(
    _ path: [String], to text: JSONText
  ) throws(DiagnosticError) -> ModelConfiguration {
    do throws(JSONError) {
      return ModelConfiguration(file: file, document: try document.setting(path.steps, to: text))
    } catch {
      throw DiagnosticError([
        Diagnostic(file: file, "'\(path.joined(separator: "."))' cannot be changed: \(error)")
      ])
    }
  }

  private init(file: String, document: JSONDocument) {
    self.file = file
    self.document = document
  }
}

extension DiagnosticError {
  fileprivate static func noLayerEntry(
    _ file: String, _ path: [String], layer: Int
  ) -> DiagnosticError {
    DiagnosticError([
      Diagnostic(
        file: file,
        "'\(path.joined(separator: "."))' says nothing of layer \(layer), and the output's "
          + "configuration has to")
    ])
  }
}

extension [String] {
  fileprivate var steps: [JSONDocument.Step] { map { .key($0) } }
}

extension DType {
  /// The name that configurations and recipes use, `nil` when there is none.
  var torchName: String? {
    switch self {
    case .bfloat16: "bfloat16"
    case .float16: "float16"
    case .float32: "float32"
    case .float64: "float64"
    case .float8E4M3: "float8_e4m3fn"
    case .float8E5M2: "float8_e5m2"
    default: nil
    }
  }
}
