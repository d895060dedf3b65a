/// The parameters that the task-vector methods share.
enum TaskVectorParameters {
  /// How much a task vector counts.
  static let weight = ParameterDeclaration(
    "weight", scope: .nonBase, kind: .anyNumber, default: .required,
    meaning: "how much the model's difference from the base counts")

  /// The share of a task vector that is kept.
  static let density = ParameterDeclaration(
    "density", scope: .nonBase, kind: .fraction, default: .value(.number(1)),
    meaning: "the share of the difference that is kept")

  /// Whether the sum is divided by the weights.
  static func normalize(_ isOn: Bool) -> ParameterDeclaration {
    ParameterDeclaration(
      "normalize", scope: .tensor, kind: .boolean, default: .value(.boolean(isOn)),
      meaning: "divide the sum of differences by the sum of the weights that took part")
  }

  /// Whether what is left is brought back to the size of the whole.
  static func rescale(_ isOn: Bool) -> ParameterDeclaration {
    ParameterDeclaration(
      "rescale", scope: .tensor, kind: .boolean, default: .value(.boolean(isOn)),
      meaning: "multiply what is kept of a difference by the sum of magnitudes before over after")
  }

  /// The factor of the merged difference.
  static let lambda = ParameterDeclaration(
    "lambda", scope: .tensor, kind: .anyNumber, default: .value(.number(1)),
    meaning: "factor for the merged difference before it is added to the base")

  /// A parameter of mergekit that changes nothing in the result.
  static let int8Mask = ParameterDeclaration(
    "int8_mask", scope: .tensor, kind: .boolean, default: .value(.boolean(false)),
    meaning: "accepted for recipes written for mergekit; changes nothing")

  /// The share of the largest elements that is left out.
  static let gamma = ParameterDeclaration(
    "gamma", scope: .nonBase, kind: .fraction, default: .value(.number(0.01)),
    meaning: "the share of the difference's largest elements that is left out")

  /// How far the probability of being kept departs from the density.
  static let epsilon = ParameterDeclaration(
    "epsilon", scope: .nonBase, kind: .fraction, default: .value(.number(0.15)),
    meaning: "how far the probability of being kept lies below and above the density")

  /// Whether the sum is divided, where that depends on the semantics.
  static let normalizeBySemantics = ParameterDeclaration(
    "normalize", scope: .tensor, kind: .boolean, default: .absent,
    meaning: """
      divide the sum of differences by the sum of the weights that took part; left out, it is \
      false with the semantics of mergekit, true with the others
      """)

  /// All that every method has.
  static func all(normalize isNormalized: Bool, rescale isRescaled: Bool) -> [ParameterDeclaration]
  {
    all(normalize: normalize(isNormalized), rescale: isRescaled)
  }

  /// All that every method has.
  static func all(
    normalize: ParameterDeclaration, rescale isRescaled: Bool
  ) -> [ParameterDeclaration] {
    [weight, density, normalize, rescale(isRescaled), lambda, int8Mask]
  }
}
