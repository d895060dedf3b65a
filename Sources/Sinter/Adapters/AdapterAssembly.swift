import Safetensors
import SinterTensors

/// Puts the tensors of an adapter's file together to updates, and notes what does not fit.
struct AdapterAssembly {
  private let configuration: AdapterConfiguration
  private let file: SafetensorsFile
  private var faults: [Diagnostic] = []
  private var order: [Key] = []
  private var parts: [Key: [AdapterTensorName.Role: CheckpointTensor]] = [:]
  private var replacements: [AdapterReplacement] = []
  private var tokenRows: [AdapterTokenRows] = []
  /// How many tensors hold rows of tokens, those that do not fit included.
  private var rowTensors = 0

  /// A module and how many pairs of its factors stand around this one.
  private struct Key: Hashable {
    let module: String
    let nesting: Int
  }

  init(_ configuration: AdapterConfiguration, _ file: SafetensorsFile) {
    self.configuration = configuration
    self.file = file
  }

  /// Makes the adapter.
  ///
  /// - Throws: ``DiagnosticError`` with all that does not fit.
  mutating func adapter(path: String) throws(DiagnosticError) -> Adapter {
    sort()
    let modules = order.compactMap { module($0) }
    if configuration.tokenIndices.count > rowTensors {
      fail("'trainable_token_indices' names embeddings of which the file has no rows")
    }
    if faults.isEmpty, modules.isEmpty, replacements.isEmpty, tokenRows.isEmpty {
      fail("the adapter holds no tensor", hint: "save it again")
    }
    guard faults.isEmpty else { throw DiagnosticError(faults) }
    return Adapter(
      path: path, configuration: configuration, file: file, modules: modules,
      replacements: replacements, tokenRows: tokenRows, remarks: remarks(modules))
  }

  private mutating func fail(_ message: String, hint: String? = nil) {
    faults.append(Diagnostic(file: file.path, message, hint: hint))
  }

  // MARK: Names

  /// Sorts the tensors of the file by what they are for.
  private mutating func sort() {
    var unknown: [String] = []
    for descriptor in file.tensors {
      let tensor = CheckpointTensor(descriptor, file: 0, dataStart: file.header.dataStart)
      guard let name = AdapterTensorName(tensor.name, format: configuration.format) else {
        unknown.append(tensor.name)
        continue
      }
      guard tensor.dtype.isFloatingPoint else {
        fail("tensor '\(tensor.name)' holds \(tensor.dtype.rawValue), not real numbers")
        continue
      }
      add(tensor, name)
    }
    guard !unknown.isEmpty else { return }
    let list = unknown.prefix(8).map { "\n'\($0)'" }.joined()
    let rest = unknown.count > 8 ? "\nand \(unknown.count - 8) more" : ""
    fail(
      "\(unknown.count == 1 ? "1 tensor is" : "\(unknown.count) tensors are") no part of a LoRA "
        + "adapter that Sinter knows:" + list + rest)
  }

  private mutating func add(_ tensor: CheckpointTensor, _ name: AdapterTensorName) {
    switch name.role {
    case .whole:
      if replacements.contains(where: { $0.target == name.module }) {
        fail("'\(name.module)' is stored twice")
      }
      replacements.append(AdapterReplacement(target: name.module, tensor: tensor))
    case .tokenRows:
      addRows(tensor, of: name.module)
    default:
      let key = Key(module: name.module, nesting: name.nesting)
      if parts[key] == nil { order.append(key) }
      if parts[key, default: [:]].updateValue(tensor, forKey: name.role) != nil {
        fail("'\(tensor.name)' is stored twice, under two names")
      }
    }
  }

  private mutating func addRows(_ tensor: CheckpointTensor, of module: String) {
    rowTensors += 1
    let indices = configuration.tokenIndices
    let own =
      indices.first { one in one.module.map { module == $0 || module.hasSuffix("." + $0) } ?? false
      }
      ?? indices.first { $0.module == nil }
    guard let own else {
      fail(
        "tensor '\(tensor.name)': 'trainable_token_indices' does not say to which tokens its rows "
          + "belong")
      return
    }
    guard tensor.shape.dimensions.count == 2, tensor.shape.dimensions[0] == own.rows.count else {
      fail(
        "tensor '\(tensor.name)' is \(tensor.shape), but 'trainable_token_indices' names "
          + "\(own.rows.count) tokens")
      return
    }
    tokenRows.append(
      AdapterTokenRows(module: module, key: own.module, rows: own.rows, tensor: tensor))
  }

  // MARK: Modules

  private mutating func module(_ key: Key) -> AdapterModule? {
    guard let own = parts[key] else { return nil }
    let isEmbedding = own[.embeddingA] != nil || own[.embeddingB] != nil
    if isEmbedding, own[.a] != nil || own[.b] != nil {
      fail("'\(key.module)' has the factors of a linear layer and of an embedding")
      return nil
    }
    guard let a = own[isEmbedding ? .embeddingA : .a],
      let b = own[isEmbedding ? .embeddingB : .b]
    else {
      let names = own.values.map { "'\($0.name)'" }.sorted().joined(separator: ", ")
      let missing = (own[.a] ?? own[.embeddingA]) == nil ? "A" : "B"
      fail("'\(key.module)' has no factor \(missing), only \(names)")
      return nil
    }
    guard let kind = kind(key, isEmbedding: isEmbedding, a, b), fits(key, kind, a, b),
      let (rank, experts) = rank(key, kind, a, b), checksExtras(key, kind, own)
    else { return nil }
    let name = patternName(key, kind)
    let isEmbeddingOfMLX =
      configuration.format == .mlx && TensorRole.isTokenEmbedding(name + ".weight")
    return AdapterModule(
      name: key.module, kind: isEmbeddingOfMLX ? .embedding : kind, format: configuration.format,
      nesting: key.nesting, a: a, b: b, rank: rank, experts: experts,
      alpha: configuration.alpha(of: name),
      scale: configuration.scale(of: name, rank: rank), magnitude: own[.magnitude],
      magnitudeAxis: isEmbeddingOfMLX ? .inputs : .outputs, bias: own[.biasOfB])
  }

  /// The name that rank and alpha patterns are held against.
  private func patternName(_ key: Key, _ kind: AdapterModule.Kind) -> String {
    switch kind {
    case .parameter(let parameter): key.module + "." + parameter
    case .linear where configuration.targetParameters(of: key.module) == ["weight"]:
      key.module + ".weight"
    default: key.module
    }
  }

  /// What a module is, by its factors and by what the configuration says of it.
  private mutating func kind(
    _ key: Key, isEmbedding: Bool, _ a: CheckpointTensor, _ b: CheckpointTensor
  ) -> AdapterModule.Kind? {
    let axes = (a.shape.dimensions.count, b.shape.dimensions.count)
    let parameters = configuration.targetParameters(of: key.module)
    if isEmbedding {
      if axes == (2, 2), key.nesting == 0 { return .embedding }
    } else if configuration.format == .mlx {
      if axes == (2, 2) { return .linear }
      if axes == (3, 3) { return .switchLinear }
    } else if !parameters.isEmpty {
      // The first parameter that a module declares is wrapped first, so it lies innermost.
      let place = parameters.count - 1 - key.nesting
      if axes == (2, 2), parameters.indices.contains(place) {
        // The weight of a linear layer, unless it has more rows of A than one matrix would.
        let isLinear =
          parameters == ["weight"]
          && a.shape.dimensions[0] == configuration.rank(of: key.module + ".weight")
        return isLinear ? .linear : .parameter(parameters[place])
      }
    } else if axes == (2, 2), key.nesting == 0 {
      return .linear
    } else if axes.0 == axes.1, (3...5).contains(axes.0), key.nesting == 0 {
      return .convolution
    }
    fail(
      "'\(key.module)': factors of shape \(a.shape) and \(b.shape) are none of a LoRA adapter"
        + (key.nesting > 0 && parameters.isEmpty
          ? ", and 'target_parameters' names no parameter of it" : ""))
    return nil
  }

  /// Whether the two factors belong together.
  private mutating func fits(
    _ key: Key, _ kind: AdapterModule.Kind, _ a: CheckpointTensor, _ b: CheckpointTensor
  ) -> Bool {
    let (left, right) = (a.shape.dimensions, b.shape.dimensions)
    let isFitting =
      switch (configuration.format, kind) {
      case (.mlx, .switchLinear): left[1] == right[2] && left[0] == right[0]
      case (.mlx, _): left[1] == right[0]
      case (.peft, .convolution): left[0] == right[1] && right.dropFirst(2).allSatisfy { $0 == 1 }
      case (.peft, _): left[0] == right[1]
      }
    guard isFitting, (left + right).allSatisfy({ $0 > 0 }) else {
      fail("'\(key.module)': the factors A \(a.shape) and B \(b.shape) do not fit each other")
      return false
    }
    return true
  }

  /// The rank of a module and its number of experts, held against the configuration.
  private mutating func rank(
    _ key: Key, _ kind: AdapterModule.Kind, _ a: CheckpointTensor, _ b: CheckpointTensor
  ) -> (rank: Int, experts: Int)? {
    let shape = a.shape.dimensions
    let said = configuration.rank(of: patternName(key, kind))
    let found = configuration.format == .mlx ? shape[1] : shape[0]
    switch kind {
    case .parameter:
      if found % said == 0 { return (said, found / said) }
      fail(
        "'\(key.module)': factor A has \(found) rows, which are not ranks of \(said) for each expert"
      )
      return nil
    case .switchLinear:
      if found == said { return (said, shape[0]) }
    default:
      if found == said { return (said, 1) }
    }
    fail("'\(key.module)': its factors have rank \(found), but the configuration says \(said)")
    return nil
  }

  /// Whether magnitudes and biases are where the configuration says, and of the right length.
  private mutating func checksExtras(
    _ key: Key, _ kind: AdapterModule.Kind, _ own: [AdapterTensorName.Role: CheckpointTensor]
  ) -> Bool {
    let isParameter = if case .parameter = kind { true } else { false }
    let canHaveMagnitudes = !isParameter && kind != .switchLinear
    if configuration.usesMagnitudes, canHaveMagnitudes, own[.magnitude] == nil {
      fail("'\(key.module)' has no magnitudes, though the configuration says DoRA")
      return false
    }
    if let magnitude = own[.magnitude], !configuration.usesMagnitudes || !canHaveMagnitudes {
      fail("tensor '\(magnitude.name)': the configuration does not say DoRA")
      return false
    }
    if configuration.hasFactorBias, own[.biasOfB] == nil, own[.embeddingA] == nil {
      fail("'\(key.module)' has no bias of its factor, though 'lora_bias' is true")
      return false
    }
    guard let bias = own[.biasOfB] else { return true }
    guard configuration.hasFactorBias, let b = own[.b],
      bias.shape.dimensions == [b.shape.dimensions[0]]
    else {
      fail(
        "tensor '\(bias.name)' of shape \(bias.shape) is no bias of a factor: 'lora_bias' is "
          + "\(configuration.hasFactorBias)")
      return false
    }
    return true
  }

  // MARK: Remarks

  private func remarks(_ modules: [AdapterModule]) -> [Diagnostic] {
    guard let base = configuration.baseModel, Self.isQuantized(base) else { return [] }
    return [
      Diagnostic(
        .note, file: file.path,
        "the adapter was trained on a quantized base ('\(base)'): on unquantized weights it does "
          + "almost the same, but not exactly what was trained")
    ]
  }

  /// Whether the name of a model is that of a quantized release.
  private static func isQuantized(_ name: String) -> Bool {
    let words = name.lowercased().split { !$0.isLetter && !$0.isNumber }
    return words.contains { quantizations.contains($0) }
  }

  private static let quantizations: Set<Substring> = [
    "4bit", "8bit", "3bit", "2bit", "6bit", "bnb", "gptq", "awq", "nf4", "fp4", "int4", "int8",
    "w4a16", "w8a8", "w8a16", "hqq", "aqlm", "eetq", "mxfp4", "nvfp4", "exl2", "gguf", "dwq",
  ]
}
