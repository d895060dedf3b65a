/// Finds the tensors that a name under `modules:` means.
///
/// A module is named by the prefix of its tensors (`model.visual`), or by one of the names that
/// recipes for models of several modules use whatever the prefix is (`text_decoder`,
/// `vision_tower`).
struct ModuleNames {
  /// The prefixes that each module has claimed, longest first, each with its last dot.
  private let claims: [(prefix: String, module: Int?)]
  /// The module that takes what no other claims.
  private let remainder: Int?

  /// The modules whose names mean nothing in this model.
  let unknown: [Int]
  /// The names of modules that this model has, for those who named another.
  let known: [String]

  /// Looks up module names.
  ///
  /// - Parameters:
  ///   - names: the names, as the recipe lists them.
  ///   - tensors: the names of the tensors of the model.
  init(_ names: [String], tensors: [String]) {
    var claims: [(prefix: String, module: Int?)] = []
    var remainder: Int?
    var unknown: [Int] = []
    for (module, name) in names.enumerated() {
      let found = Self.prefixes(of: name, in: tensors)
      if let first = found.first {
        claims += (Self.severalPrefixes.contains(name) ? found : [first]).map { ($0, module) }
      } else if Self.remainders.contains(name), remainder == nil {
        remainder = module
      } else {
        unknown.append(module)
      }
    }
    if let remainder, names[remainder] == Self.textDecoder {
      // The text decoder is what is left beside the other modules, listed or not: a vision tower
      // that the recipe does not speak of must not go with it unseen.
      for name in Self.prefixes.keys.sorted() where Self.standBesideText.contains(name) {
        claims += Self.prefixes(of: name, in: tensors).map { ($0, nil) }
      }
    }
    // Sorting is stable: of two claims to the same prefix the recipe's own come first.
    self.claims = claims.sorted { $0.prefix.utf8.count > $1.prefix.utf8.count }
    self.remainder = remainder
    self.unknown = unknown
    known = Self.known(in: tensors)
  }

  /// The module that a tensor belongs to, or `nil` when none claims it.
  ///
  /// - Parameter name: the name of the tensor.
  /// - Returns: the place of the module among the recipe's names.
  func module(of name: String) -> Int? {
    guard let claim = claims.first(where: { name.hasPrefix($0.prefix) }) else { return remainder }
    return claim.module
  }

  /// The prefixes under which tensors of a module are found, each with its last dot.
  private static func prefixes(of name: String, in tensors: [String]) -> [String] {
    let own = name.hasSuffix(".") ? name : name + "."
    return ([own] + (prefixes[name] ?? []).map { $0 + "." }).filter { prefix in
      tensors.contains { $0.hasPrefix(prefix) }
    }
  }

  private static func known(in tensors: [String]) -> [String] {
    let found = prefixes.keys.sorted().filter { name in
      // A stack called encoder inside a vision tower makes no encoder-decoder model.
      !Self.prefixes(of: name, in: tensors).isEmpty && !aliases.contains(name)
        && (name != "shared" || tensors.contains { $0.hasPrefix("shared.") })
    }
    let hasText = found.isEmpty || found.contains { standBesideText.contains($0) }
    return (hasText ? [textDecoder] : []) + found
  }

  private static let textDecoder = "text_decoder"

  /// The names that mean all tensors which no other module claims.
  private static let remainders: Set<String> = ["default", textDecoder]

  /// Modules that have tensors under each of their prefixes, not under one of them.
  private static let severalPrefixes: Set<String> = ["shared", "decoder", "multi_modal_projector"]

  /// Other names of a module.
  private static let aliases: Set<String> = ["vision_model"]

  /// Modules that a multimodal model has beside its text decoder.
  private static let standBesideText: Set<String> = [
    "vision_tower", "vision_model", "multi_modal_projector", "audio_tower",
  ]

  /// Where modules are found in the checkpoints of known families.
  private static let prefixes: [String: [String]] = [
    "vision_tower": [
      "model.vision_tower", "vision_model", "model.vision_model", "model.visual", "visual",
    ],
    "vision_model": [
      "model.vision_model", "vision_tower", "model.vision_tower", "model.visual", "visual",
    ],
    "audio_tower": ["model.audio_tower", "audio_model", "model.audio_model"],
    "multi_modal_projector": [
      "model.multi_modal_projector", "model.visual.merger", "visual.merger",
      "model.visual.deepstack_merger_list", "visual.deepstack_merger_list", "model.connector",
      "connector", "mm_projector", "model.mm_projector", "model.embed_vision",
    ],
    "encoder": ["model.encoder"],
    "decoder": ["model.decoder", "proj_out"],
    "shared": ["model.shared", "lm_head"],
  ]
}
