/// The functions of formulas.
enum FormulaFunction: String, CaseIterable, Sendable {
  case abs, sign, sqrt, exp, log, sin, acos
  case min, max, clamp
  case `where`
  case sum, mean, norm, dot, cos, `var`, quantile
  case maxAbs = "max_abs"
  case random

  /// How many arguments it takes.
  var arity: ClosedRange<Int> {
    switch self {
    case .abs, .sign, .sqrt, .exp, .log, .sin, .acos, .sum, .mean, .norm, .var, .maxAbs: 1...1
    case .dot, .cos, .quantile: 2...2
    case .clamp, .where: 3...3
    case .min, .max: 2...Int.max
    case .random: 0...0
    }
  }

  /// The arguments as hints show them.
  var usage: String {
    switch self {
    case .abs, .sign, .sqrt, .exp, .log, .sin, .acos, .sum, .mean, .norm, .var, .maxAbs:
      "\(rawValue)(x)"
    case .dot, .cos: "\(rawValue)(x, y)"
    case .quantile: "quantile(x, q)"
    case .clamp: "clamp(x, low, high)"
    case .where: "where(condition, x, y)"
    case .min, .max: "\(rawValue)(x, y, ...)"
    case .random: "random()"
    }
  }
}
