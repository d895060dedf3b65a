import Sinter

/// Methods that exist for these tests alone, one for each kind of declaration.
enum SampleMethods {
  static let linear = method(
    "linear", base: .ignored, models: 1...Int.max,
    [
      ParameterDeclaration(
        "weight", scope: .input, kind: .anyNumber, default: .required, meaning: "share"),
      ParameterDeclaration(
        "normalize", scope: .tensor, kind: .boolean, default: .value(.boolean(true)),
        meaning: "divide by the sum"),
    ])
  static let slerp = method(
    "slerp", base: .required, models: 1...1,
    [
      ParameterDeclaration(
        "t", scope: .tensor, kind: .fraction, default: .required, meaning: "position")
    ])
  static let ties = method(
    "ties", base: .required, models: 1...Int.max,
    [
      ParameterDeclaration(
        "weight", scope: .nonBase, kind: .anyNumber, default: .required, meaning: "factor"),
      ParameterDeclaration(
        "density", scope: .nonBase, kind: .fraction, default: .value(.number(1)),
        meaning: "share that is kept"),
      ParameterDeclaration(
        "normalize", scope: .tensor, kind: .boolean, default: .value(.boolean(true)),
        meaning: "divide by the sum"),
      ParameterDeclaration(
        "lambda", scope: .tensor, kind: .anyNumber, default: .value(.number(1)),
        meaning: "factor on the sum"),
    ])
  static let dareTies = method(
    "dare_ties", base: .required, models: 1...Int.max, ties.parameters)
  static let nuslerp = method(
    "nuslerp", base: .optional, models: 2...2,
    [
      ParameterDeclaration(
        "weight", scope: .nonBase, kind: .number(0...Double.infinity), default: .required,
        meaning: "share")
    ])
  static let karcher = method(
    "karcher", base: .ignored, models: 2...3,
    [
      ParameterDeclaration(
        "max_iter", scope: .tensor, kind: .integer(1...Int.max), default: .value(.integer(10)),
        meaning: "steps"),
      ParameterDeclaration(
        "origin", scope: .tensor, kind: .choice(["mean", "first"]),
        default: .value(.choice("mean")), meaning: "start"),
    ])
  static let passthrough = method(
    "passthrough", base: .ignored, models: 1...1,
    [
      ParameterDeclaration(
        "scale", scope: .input, kind: .anyNumber, default: .absent, meaning: "factor")
    ])
  static let fusion = method("fusion", base: .required, models: 1...1, [])
  static let stock = method("stock", base: .required, models: 2...Int.max, [])

  static let all = [
    linear, slerp, ties, dareTies, nuslerp, karcher, passthrough, fusion, stock,
  ]

  private static func method(
    _ name: String, base: MethodDeclaration.BasePolicy, models: ClosedRange<Int>,
    _ parameters: [ParameterDeclaration]
  ) -> MethodDeclaration {
    MethodDeclaration(
      name: name, title: name, summary: "", formula: "", goodFor: "", base: base, models: models,
      parameters: parameters, source: nil, differences: [], example: "")
  }
}
