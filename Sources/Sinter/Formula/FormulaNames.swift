/// The names that a formula may use beside those it gives itself.
struct FormulaNames: Sendable, Hashable {
  /// The names of models.
  var models: [String]
  /// Whether `base` is one of them.
  var hasBase: Bool
  /// The parameters that the recipe sets.
  var parameters: [String]

  /// All names, as suggestions for one that is misspelt.
  var all: [String] { (hasBase ? [FormulaName.base] : []) + models + parameters }
}
