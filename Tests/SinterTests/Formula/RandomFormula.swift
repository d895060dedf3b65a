import Foundation

/// A formula made at random, which knows its value without the code that it tests.
struct RandomFormula {
  /// Numbers for all elements, or one for the tensor.
  indirect enum Expression {
    case number(Double)
    case name(String)
    case prefix(String, Expression)
    case infix(String, Expression, Expression)
    case call(String, [Expression])

    var text: String {
      switch self {
      case .number(let value): "\(value)"
      case .name(let name): name
      case .prefix(let symbol, let x): "(\(symbol) \(x.text))"
      case .infix(let symbol, let x, let y): "(\(x.text) \(symbol) \(y.text))"
      case .call(let name, let x): "\(name)(\(x.map(\.text).joined(separator: ", ")))"
      }
    }
  }

  /// A value for each element; one that holds for the tensor is repeated.
  typealias Values = [Double]

  let inputs: [String: Values]
  let parameters: [String: Double]
  let count: Int

  /// The value of an expression, over whole arrays and in the order in which it is written.
  func value(_ expression: Expression) -> Values {
    switch expression {
    case .number(let value): return constant(value)
    case .name(let name): return inputs[name] ?? constant(parameters[name] ?? .nan)
    case .prefix("-", let x): return value(x).map { -$0 }
    case .prefix(_, let x): return value(x).map { $0 == 0 ? 1 : 0 }
    case .infix(let symbol, let x, let y):
      let operation = infix(symbol)
      return zip(value(x), value(y)).map { operation($0, $1) }
    case .call(let name, let x): return call(name, x.map(value))
    }
  }

  private func constant(_ value: Double) -> Values { Values(repeating: value, count: count) }

  private func infix(_ symbol: String) -> (Double, Double) -> Double {
    { x, y in
      switch symbol {
      case "+": x + y
      case "-": x - y
      case "*": x * y
      case "/": x / y
      case "^": pow(x, y)
      case "<": x < y ? 1 : 0
      case "<=": x <= y ? 1 : 0
      case ">": x > y ? 1 : 0
      case ">=": x >= y ? 1 : 0
      case "==": x == y ? 1 : 0
      case "!=": x != y ? 1 : 0
      case "and": x != 0 && y != 0 ? 1 : 0
      default: x != 0 || y != 0 ? 1 : 0
      }
    }
  }

  private func call(_ name: String, _ x: [Values]) -> Values {
    switch name {
    case "abs": return x[0].map(abs)
    case "sign": return x[0].map { $0 == 0 ? 0 : $0 > 0 ? 1 : -1 }
    case "sqrt": return x[0].map(sqrt)
    case "exp": return x[0].map(exp)
    case "log": return x[0].map(log)
    case "min": return x[0].indices.map { i in x.map { $0[i] }.min() ?? 0 }
    case "max": return x[0].indices.map { i in x.map { $0[i] }.max() ?? 0 }
    case "clamp": return x[0].indices.map { min(max(x[0][$0], x[1][$0]), x[2][$0]) }
    case "where": return x[0].indices.map { x[0][$0] != 0 ? x[1][$0] : x[2][$0] }
    default: return constant(count == 0 ? 0 : fact(name, x))
    }
  }

  private func fact(_ name: String, _ x: [Values]) -> Double {
    func dot(_ x: Values, _ y: Values) -> Double { zip(x, y).map(*).reduce(0, +) }
    let mean = x[0].reduce(0, +) / Double(count)
    switch name {
    case "sum": return x[0].reduce(0, +)
    case "mean": return mean
    case "norm": return dot(x[0], x[0]).squareRoot()
    case "dot": return dot(x[0], x[1])
    case "cos":
      let lengths = (dot(x[0], x[0]) * dot(x[1], x[1])).squareRoot()
      return lengths == 0 ? 0 : dot(x[0], x[1]) / lengths
    case "var": return x[0].map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(count)
    case "max_abs": return x[0].map(abs).max() ?? 0
    default: return x[0].sorted()[Int(min(max(x[1][0], 0), 1) * Double(count - 1))]
    }
  }
}

// MARK: - Making them

extension RandomFormula {
  /// A random expression with a number for each element, whose value is finite for inputs of
  /// ordinary size.
  static func vector(_ depth: Int, _ random: inout TestRandom, names: [String]) -> Expression {
    func next() -> Expression { vector(depth - 1, &random, names: names) }
    guard depth > 0 else { return .name(names.randomElement(using: &random) ?? "base") }
    func scalarOrVector() -> Expression {
      Bool.random(using: &random) ? next() : scalar(depth - 1, &random, names: names)
    }
    switch Int.random(in: 0..<12, using: &random) {
    case 0: return .prefix("-", next())
    case 1: return .infix("+", next(), scalarOrVector())
    case 2: return .infix("-", scalarOrVector(), next())
    case 3: return .infix("*", next(), scalarOrVector())
    case 4: return .infix("/", next(), .infix("+", .number(1), .call("abs", [scalarOrVector()])))
    case 5:
      let name = ["abs", "sign"].randomElement(using: &random) ?? "abs"
      return .call(name, [next()])
    case 6: return .call("sqrt", [.call("abs", [next()])])
    case 7:
      let small = Expression.call("clamp", [next(), .number(-3), .number(3)])
      return .call("exp", [small])
    case 8: return .call("log", [.infix("+", .number(1), .call("abs", [next()]))])
    case 9:
      return .call(
        Bool.random(using: &random) ? "min" : "max", [next(), scalarOrVector(), scalarOrVector()])
    case 10:
      return .call(
        "where", [condition(depth - 1, &random, names: names), next(), scalarOrVector()])
    default: return .infix("^", next(), .number(2))
    }
  }

  /// A random expression with one number for the tensor.
  static func scalar(_ depth: Int, _ random: inout TestRandom, names: [String]) -> Expression {
    func next() -> Expression { vector(depth - 1, &random, names: names) }
    guard depth > 0 else {
      return Bool.random(using: &random) ? .name("k") : .number(0.25)
    }
    switch Int.random(in: 0..<9, using: &random) {
    case 0: return .name("k")
    case 1: return .call("sum", [condition(depth - 1, &random, names: names)])
    case 2: return .call("mean", [next()])
    case 3: return .call("norm", [next()])
    case 4: return .call("dot", [next(), next()])
    case 5: return .call("cos", [next(), next()])
    case 6: return .call("var", [next()])
    case 7: return .call("max_abs", [next()])
    case 8 where Bool.random(using: &random):
      return .call("quantile", [next(), .number([0, 0.3, 0.5, 0.999, 1][depth % 5])])
    default: return .call("max_abs", [next()])
    }
  }

  private static func condition(
    _ depth: Int, _ random: inout TestRandom, names: [String]
  ) -> Expression {
    let symbol = ["<", "<=", ">", ">=", "==", "!="].randomElement(using: &random) ?? "<"
    let comparison = Expression.infix(
      symbol, vector(depth - 1, &random, names: names),
      depth > 0 && Bool.random(using: &random)
        ? scalar(depth - 1, &random, names: names) : .name("base"))
    switch Int.random(in: 0..<6, using: &random) {
    case 0: return .prefix("not", comparison)
    case 1 where depth > 0:
      return .infix("and", comparison, condition(depth - 1, &random, names: names))
    case 2 where depth > 0:
      return .infix("or", comparison, condition(depth - 1, &random, names: names))
    default: return comparison
    }
  }
}
