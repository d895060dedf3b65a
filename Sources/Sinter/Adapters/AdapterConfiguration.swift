/// What an `adapter_config.json` says of the adapter beside it.
///
/// Two kinds are read: those of PEFT (`adapter_model.safetensors`, `peft_type` LORA) and those of
/// MLX (`adapters.safetensors`, `lora_parameters`).
/// Source: <https://huggingface.co/docs/peft/package_reference/lora> and
/// <https://github.com/ml-explore/mlx-lm>.
public struct AdapterConfiguration: Sendable, Hashable {
  /// Who wrote the adapter, which decides the names and the orientation of its tensors.
  public enum Format: String, Sendable, Hashable {
    /// PEFT: `lora_A` is rank x in, `lora_B` is out x rank.
    case peft
    /// MLX: `lora_a` is in x rank, `lora_b` is rank x out.
    case mlx
  }

  /// Which biases of the model were trained beside the low-rank factors.
  public enum BiasMode: String, Sendable, Hashable {
    /// None.
    case none
    /// All of the model.
    case all
    /// Those of the modules that have factors.
    case targets = "lora_only"
  }

  /// How the scale of an update comes about.
  public enum Scaling: Sendable, Hashable {
    /// Alpha divided by the rank.
    case alphaOverRank
    /// Alpha divided by the square root of the rank (rsLoRA).
    case alphaOverRootOfRank
    /// A factor that is the same for every rank.
    case fixed(Double)
  }

  /// The tokens whose rows of an embedding were trained.
  public struct TokenIndices: Sendable, Hashable {
    /// The end of the name of the embedding's module; `nil` for the input embedding.
    public let module: String?
    /// The rows, in the order in which the adapter stores them.
    public let rows: [Int]
  }

  /// Who wrote the adapter.
  public let format: Format
  /// The rank of modules that no pattern speaks of, at least 1.
  public let rank: Int
  /// The alpha of modules that no pattern speaks of.
  public let alpha: Double
  /// How scale, alpha and rank belong together.
  public let scaling: Scaling
  /// The ranks of modules whose names match a pattern; the first that matches counts.
  let rankPatterns: [PatternedValue<Int>]
  /// The alphas of modules whose names match a pattern; the first that matches counts.
  let alphaPatterns: [PatternedValue<Double>]
  /// Whether the weights of the model are stored as in x out.
  public let isFanInFanOut: Bool
  /// Which biases were trained.
  public let bias: BiasMode
  /// Whether the second factor has a bias of its own.
  public let hasFactorBias: Bool
  /// Whether updated weights are scaled to stored magnitudes (DoRA).
  public let usesMagnitudes: Bool
  /// The ends of names of the modules that are stored whole.
  public let modulesToSave: [String]
  /// The ends of names of parameters that have factors though they are no modules, such as packed
  /// experts.
  public let targetParameters: [String]
  /// The tokens whose embeddings were trained.
  public let tokenIndices: [TokenIndices]
  /// Whether what is trained of a tied pair of embedding and output head holds for both.
  public let keepsTies: Bool
  /// The model that the adapter was trained on, as its trainer named it.
  public let baseModel: String?
  /// The version of PEFT that wrote it.
  public let version: String?

  /// The rank of a module.
  ///
  /// - Parameter module: the name of the module, or of the parameter, without the adapter's prefix.
  /// - Returns: the rank, at least 1.
  func rank(of module: String) -> Int {
    rankPatterns.first { $0.pattern.matches(module) }?.value ?? rank
  }

  /// The alpha of a module.
  ///
  /// - Parameter module: the name of the module, or of the parameter, without the adapter's prefix.
  /// - Returns: the numerator of the scale.
  func alpha(of module: String) -> Double {
    alphaPatterns.first { $0.pattern.matches(module) }?.value ?? alpha
  }

  /// The factor on the product of a module's factors.
  ///
  /// - Parameters:
  ///   - module: the name of the module, or of the parameter, without the adapter's prefix.
  ///   - rank: its rank.
  /// - Returns: the scale.
  func scale(of module: String, rank: Int) -> Double {
    switch scaling {
    case .alphaOverRank: alpha(of: module) / Double(rank)
    case .alphaOverRootOfRank: alpha(of: module) / Double(rank).squareRoot()
    case .fixed(let scale): scale
    }
  }

  /// The names of the parameters of a module that have factors of their own, in the order in which
  /// modules declare them; none for a module that is targeted as a whole.
  ///
  /// - Parameter module: the name of the module without the adapter's prefix.
  /// - Returns: the last parts of the parameters' names.
  func targetParameters(of module: String) -> [String] {
    Self.parameters(of: module, among: targetParameters)
  }

  /// The parameters of a module that are among those of given names.
  ///
  /// - Parameters:
  ///   - module: the name of the module without the adapter's prefix.
  ///   - targets: the ends of names of parameters.
  /// - Returns: the last parts of the parameters' names, in the order in which modules declare them.
  static func parameters(of module: String, among targets: [String]) -> [String] {
    let names = targets.compactMap { target -> String? in
      guard let dot = target.lastIndex(of: ".") else { return nil }
      let owner = target[..<dot]
      let isOwner = module == owner || module.hasSuffix("." + owner)
      return isOwner ? String(target[target.index(after: dot)...]) : nil
    }
    return inDeclaredOrder(Set(names))
  }

  /// Names of parameters of one module in the order in which modules declare them.
  static func inDeclaredOrder(_ parameters: Set<String>) -> [String] {
    // Layers of experts declare what leads into the hidden state before what leads out of it.
    parameters.sorted { ($0.contains("down") ? 1 : 0, $0) < ($1.contains("down") ? 1 : 0, $1) }
  }
}

extension AdapterConfiguration {
  /// How many pairs of factors of a module stand around those of one of its parameters: each is
  /// wrapped around those that the module declares before it.
  ///
  /// - Parameters:
  ///   - parameter: the parameter.
  ///   - all: the parameters of the module that have factors.
  /// - Returns: the number, 0 for the last one.
  static func nesting(of parameter: String?, among all: [String?]) -> Int {
    let order = inDeclaredOrder(Set(all.compactMap(\.self)))
    return order.count - 1 - (order.firstIndex { $0 == parameter } ?? 0)
  }

  /// A value for the modules whose names match a pattern.
  struct PatternedValue<Value: Sendable & Hashable>: Sendable, Hashable {
    let pattern: AdapterPattern
    let value: Value
  }
}
