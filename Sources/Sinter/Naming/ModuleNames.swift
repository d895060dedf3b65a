/// Finds the tensors that a name under `modules:` means.
///
/// A module is named by the prefix of its tensors (`model.visual`), or by one of the names that
/// recipes for models of several modules use whatever the prefix is (`text_decoder`,
/// `vision_tower`).
struct ModuleNames {
  /// The prefixes that each module has claimed, longest first, each with its last dot.
  private let claims: [(prefix: String, module: Int)]
  /// The module that takes what no other claims.
  private let remainder: Int?

  /// The modules whose names mean nothing in this model.
  let unknown: [Int]

  /// Looks up module names.
  ///
  /// - Parameters:
  ///   - names: the names, as the recipe lists them.
  ///   - tensors: the names of the tensors of the model.
  init(_ names: [String], tensors: [String]) {
    var claims: [(prefix: String, module: Int)] = []
    var remainder: Int?
    var unknown: [Int] = []
    for (module, name) in names.enumerated() {
      let candidates = [name] + (Self.prefixes[name] ?? [])
      let found = candidates.map { $0 + "." }.filter { prefix in
        tensors.contains { $0.hasPrefix(prefix) }
      }
      if name == "shared" {
        claims += (found + ["lm_head."]).map { ($0, module) }
      } else if let prefix = found.first, !Self.remainders.contains(name) {
        claims.append((prefix, module))
      } else if Self.remainders.contains(name), remainder == nil {
        remainder = module
      } else {
        unknown.append(module)
      }
    }
    self.claims = claims.sorted { $0.prefix.utf8.count > $1.prefix.utf8.count }
    self.remainder = remainder
    self.unknown = unknown
  }

  /// The module that a tensor belongs to, or `nil` when none claims it.
  ///
  /// - Parameter name: the name of the tensor.
  func module(of name: String) -> Int? {
    claims.first { name.hasPrefix($0.prefix) }?.module ?? remainder
  }

  /// The names that mean all tensors which no other module claims.
  private static let remainders: Set<String> = ["default", "text_decoder"]

  /// Where modules are found in the checkpoints of known families.
  private static let prefixes: [String: [String]] = [
    "vision_tower": [
      "model.vision_tower", "vision_model", "model.vision_model", "model.visual", "visual",
    ],
    "vision_model": ["model.vision_model", "vision_tower", "model.vision_tower"],
    "multi_modal_projector": [
      "model.multi_modal_projector", "model.visual.merger", "visual.merger", "model.connector",
      "connector", "mm_projector", "model.mm_projector",
    ],
    "encoder": ["model.encoder"],
    "decoder": ["model.decoder"],
    "shared": [],
  ]
}
