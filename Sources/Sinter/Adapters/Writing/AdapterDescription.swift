import Safetensors

/// What the `adapter_config.json` of an adapter that is written says, in the form of PEFT.
///
/// Source: <https://huggingface.co/docs/peft/package_reference/lora>, `LoraConfig`.
struct AdapterDescription: Sendable, Hashable {
  /// A module with factors, or one of its parameters.
  struct Module: Sendable, Hashable {
    /// The name, without the adapter's prefix; of a parameter its own.
    let name: String
    /// The rank, at least 1.
    let rank: Int
    /// The numerator of the scale alpha / rank.
    let alpha: Double
    /// Whether it is a parameter, such as the packed weights of all experts of a layer.
    var isParameter = false
  }

  /// The modules with factors, at least one.
  var modules: [Module]
  /// The modules that are stored whole.
  var wholeModules: [String] = []
  /// All modules of the model that have tensors; what they are called decides how targets are named.
  var modelModules: [String] = []
  /// Which biases of the model are stored.
  var biases = AdapterConfiguration.BiasMode.none
  /// Whether factor B has a bias.
  var hasFactorBias = false
  /// Whether updated weights are scaled to stored magnitudes (DoRA).
  var usesMagnitudes = false
  /// The tokens whose rows of an embedding are stored.
  var tokenIndices: [AdapterConfiguration.TokenIndices] = []
  /// Whether the weights of the model are stored as in x out.
  var isFanInFanOut = false
  /// Whether what is said of an embedding holds for the output head that is tied to it.
  var keepsTies = false
  /// The model that the adapter is for.
  var baseModel: String?
  /// What PEFT calls the kind of model, such as `CAUSAL_LM`.
  var taskType: String?
  /// The names by which the modules are targeted, where they are known to mean these modules.
  var knownTargets: [String]?
  /// The same for parameters.
  var knownParameters: [String]?
  /// Whether the factors of parameters are laid out as PEFT did before version 0.19.
  var laysOutExpertsOldWay = false

  /// The rank that most modules have; of several the largest.
  var rank: Int {
    var counts: [Int: Int] = [:]
    for module in modules { counts[module.rank, default: 0] += 1 }
    return counts.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key ?? 1
  }

  /// The alpha that most modules have; of several the largest.
  var alpha: Double {
    var counts: [Double: Int] = [:]
    for module in modules { counts[module.alpha, default: 0] += 1 }
    return counts.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key ?? 1
  }

  /// The names by which the modules are targeted: the last part of their names where that means
  /// these modules and no others, else the names in full.
  var targets: [String] {
    if let knownTargets { return knownTargets }
    let own = Set(modules.filter { !$0.isParameter }.map(\.name))
    let ends = Set(own.map(ModuleName.lastPart))
    let known = Set(modelModules.flatMap { [$0] + ModuleName.ancestors(of: $0) }).union(own)
    let isPlain =
      ends.allSatisfy { !$0.allSatisfy(\.isNumber) }
      && known.allSatisfy { own.contains($0) || !ends.contains(ModuleName.lastPart(of: $0)) }
    return (isPlain ? Array(ends) : Array(own)).sorted()
  }

  /// The names of the parameters that have factors.
  var targetParameters: [String] {
    knownParameters ?? modules.filter(\.isParameter).map(\.name).sorted()
  }

  /// The text of the file.
  func encoded() -> [UInt8] {
    let members = (common + occasional).sorted { $0.0 < $1.0 }
    return JSONText.object(members).encoded(.pretty) + [0x0A]
  }

  /// What every configuration says.
  private var common: [(String, JSONText)] {
    let (rank, alpha) = (rank, alpha)
    let ranks = modules.filter { $0.rank != rank }
    let alphas = modules.filter { $0.alpha != alpha }
    return [
      ("alpha_pattern", .object(alphas.map { (Self.pattern($0.name), Self.number($0.alpha)) })),
      ("auto_mapping", .null),
      ("base_model_name_or_path", baseModel.map { .string($0) } ?? .null),
      ("bias", .string(biases.rawValue)),
      ("ensure_weight_tying", .bool(keepsTies)),
      ("fan_in_fan_out", .bool(isFanInFanOut)),
      ("inference_mode", .bool(true)),
      ("init_lora_weights", .bool(true)),
      ("layers_pattern", .null),
      ("layers_to_transform", .null),
      ("lora_alpha", Self.number(alpha)),
      ("lora_dropout", .verbatim("0.0")),
      ("modules_to_save", wholeModules.isEmpty ? .null : Self.list(wholeModules)),
      ("peft_type", "LORA"),
      ("r", .number(rank)),
      ("rank_pattern", .object(ranks.map { (Self.pattern($0.name), .number($0.rank)) })),
      ("revision", .null),
      ("target_modules", Self.list(targets)),
      ("task_type", taskType.map { .string($0) } ?? .null),
      ("use_dora", .bool(usesMagnitudes)),
      ("use_rslora", .bool(false)),
    ]
  }

  /// What versions of PEFT that do not know of it should not have to read.
  private var occasional: [(String, JSONText)] {
    var members: [(String, JSONText)] = []
    if hasFactorBias { members.append(("lora_bias", .bool(true))) }
    if !tokenIndices.isEmpty { members.append(("trainable_token_indices", tokens)) }
    let parameters = targetParameters
    if !parameters.isEmpty {
      members.append(("target_parameters", Self.list(parameters)))
      members.append(("peft_version", laysOutExpertsOldWay ? "0.18.0" : "0.19.0"))
    }
    return members
  }

  /// A list for the input embedding, or a map from modules to lists.
  private var tokens: JSONText {
    func list(_ one: AdapterConfiguration.TokenIndices) -> JSONText {
      .array(one.rows.map { .number($0) })
    }
    let named = tokenIndices.compactMap { one in one.module.map { ($0, list(one)) } }
    return named.isEmpty ? list(tokenIndices[0]) : .object(named)
  }

  private static func list(_ names: [String]) -> JSONText { .array(names.map { .string($0) }) }

  /// The key of a module in a pattern: its whole name, whose dots PEFT takes for any character.
  private static func pattern(_ name: String) -> String { name }

  /// A number as PEFT writes it: alpha is an integer there unless it has a fraction.
  private static func number(_ value: Double) -> JSONText {
    Int(exactly: value).map { .number($0) } ?? .number(value)
  }
}
