import Safetensors
import SinterTensors

/// Puts paired tensors together to modules, and decides what can become of each.
struct ModuleGrouping {
  /// The modules, in the order of the pairs.
  let modules: [ModuleDifference]

  init(_ pairing: ModelPairing, options: ExtractionOptions) throws(DiagnosticError) {
    var order: [String] = []
    var groups: [String: [TensorPair]] = [:]
    for pair in pairing.pairs {
      let owner = ModuleName.owner(of: pair.name)
      if groups[owner] == nil { order.append(owner) }
      groups[owner, default: []].append(pair)
    }
    let included = try NamePatterns(options.included, option: "--include")
    let excluded = try NamePatterns(options.excluded, option: "--exclude").matches(in: order)
    let whole = try NamePatterns(options.savedWhole, option: "--save-module").matches(in: order)
    let wanted = included.isEmpty ? Set(order) : included.matches(in: order)
    let parents = Set(order.flatMap(ModuleName.ancestors))
    let family = Family(pairing.base)
    modules = order.flatMap { name in
      let tensors = groups[name] ?? []
      let isPlain = !whole.contains(name) && !parents.contains(name)
      let packed = isPlain ? PackedExperts(of: name, tensors) : PackedExperts()
      func module(
        _ parameter: String?, _ tensors: [TensorPair], _ form: ModuleDifference.Form?
      ) -> ModuleDifference {
        ModuleDifference(
          name: name, adapterName: family.prefix(of: name) + name, parameter: parameter,
          tensors: tensors, form: form,
          isLeftOut: !wanted.contains(name) || excluded.contains(name))
      }
      let parameters = packed.tensors.map {
        module($0.part, [$0], .experts(isTransposed: family.storesExpertsTransposed))
      }
      let rest = tensors.filter { tensor in !packed.tensors.contains { $0.name == tensor.name } }
      if rest.isEmpty { return parameters }
      let isFactored =
        isPlain && parameters.isEmpty && !tensors.contains { $0.name == pairing.tiedEmbedding }
      return parameters
        + [module(nil, rest, isFactored ? Self.form(of: name, rest, family) : nil)]
    }
    let unmatched = [("--include", options.included), ("--save-module", options.savedWhole)]
    for (option, patterns) in unmatched {
      for pattern in patterns
      where try NamePatterns([pattern], option: option).matches(in: order).isEmpty {
        throw DiagnosticError([
          Diagnostic(
            .error, "\(option): '\(pattern)' is found in no name of a module",
            hint: "such names are '\(order.first ?? "")' and '\(order.last ?? "")'")
        ])
      }
    }
  }

  /// How a module's weight becomes two factors; `nil` when it is stored whole.
  private static func form(
    of name: String, _ tensors: [TensorPair], _ family: Family
  ) -> ModuleDifference.Form? {
    guard let weight = tensors.first(where: { $0.part == "weight" }), let base = weight.base,
      tensors.allSatisfy({ $0.base != nil && ($0.part == "weight" || $0.part == "bias") }),
      weight.finetuned.dtype.isFloatingPoint, base.dtype.isFloatingPoint
    else { return nil }
    let dimensions = weight.finetuned.shape.dimensions
    guard dimensions.allSatisfy({ $0 > 0 }) else { return nil }
    let last = ModuleName.lastPart(of: name)
    switch dimensions.count {
    case 2:
      if TensorRole.isTokenEmbedding(weight.name) { return .embedding }
      if TensorRole(weight.name) == .outputHead, !TensorAddress(weight.name).isInLayer {
        return .linear
      }
      // What is looked up and not multiplied with, and is no table of tokens.
      if last.contains("embed") || tables.contains(last) { return nil }
      return family.isTransposed(last) ? .transposed : .linear
    case 3...5:
      // One channel for each output is the mark of a convolution in groups, whose factors PEFT
      // cannot make.
      return dimensions[1] == 1 && dimensions[0] > 1 ? nil : .convolution
    default:
      return nil
    }
  }

  private static let tables: Set<String> = ["wpe", "relative_attention_bias"]
}

extension TensorAddress {
  fileprivate var isInLayer: Bool { layer != nil }
}

/// The tensors of a module that hold the packed weights of all experts of a layer.
private struct PackedExperts {
  let tensors: [TensorPair]

  /// None.
  init() { tensors = [] }

  /// Finds them among the tensors of a module.
  ///
  /// Three axes alone are also those of a convolution, so names decide.
  init(of module: String, _ tensors: [TensorPair]) {
    let path = module.split(separator: ".")
    let (own, parent) = (path.last ?? "", path.dropLast().last ?? "")
    // Experts in a module of their own, with a parameter for each projection; or a module for each.
    let isLayer =
      parent == "switch_mlp"
      || ["input_linear", "output_linear"].contains(own)
        && ["block_sparse_moe", "moe", "mlp"].contains(parent)
    self.tensors = tensors.filter { pair in
      guard let base = pair.base, pair.finetuned.dtype.isFloatingPoint,
        base.dtype.isFloatingPoint
      else { return false }
      let dimensions = pair.finetuned.shape.dimensions
      let isNamed =
        own == "experts" ? !pair.part.hasSuffix("bias") : isLayer && pair.part == "weight"
      return isNamed && dimensions.count == 3 && dimensions.allSatisfy { $0 > 0 }
    }
  }
}

/// What families of models do differently.
private struct Family {
  /// Whether packed experts are stored as inputs x outputs.
  let storesExpertsTransposed: Bool
  private let type: String
  private let lacksPrefix: Bool

  init(_ checkpoint: Checkpoint) {
    type = checkpoint.configuration?.modelType ?? ""
    storesExpertsTransposed = SquareOrientation.storesExpertsTransposed(type)
    lacksPrefix = !checkpoint.tensors.contains { $0.name.hasPrefix("transformer.") }
  }

  /// Whether a layer's weight is stored as inputs x outputs.
  func isTransposed(_ layer: String) -> Bool {
    ["gpt2", "openai-gpt", "imagegpt", "decision_transformer"].contains(type)
      && ["c_attn", "q_attn", "c_proj", "c_fc"].contains(layer)
  }

  /// What the library that loads the model puts before a module's name.
  func prefix(of name: String) -> String {
    guard lacksPrefix, ["gpt2", "bloom"].contains(type), name != "lm_head" else { return "" }
    return "transformer."
  }
}
