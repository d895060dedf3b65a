/// Finds out what the expressions of a formula mean, and what is wrong with them.
struct FormulaChecker {
  private let syntax: FormulaSyntax
  private let names: FormulaNames
  private(set) var graph = FormulaGraph()
  /// The node of each expression, or `nil` when it is faulty.
  private var values: [Int?] = []
  /// The names that the formula gives.
  private var locals: [String: Local] = [:]
  private var randomCalls = 0
  private var faults: FormulaFaults

  private struct Local {
    let value: Int?
    let offset: Int
    var isUsed = false
  }

  /// Checks a formula.
  ///
  /// - Parameters:
  ///   - syntax: the formula as written.
  ///   - names: the names that it may use.
  ///   - faults: receives what is wrong.
  /// - Returns: what is computed, with the place of the result, or `nil` when something is wrong.
  static func check(
    _ syntax: FormulaSyntax, names: FormulaNames, _ faults: inout FormulaFaults
  ) -> (graph: FormulaGraph, result: Int)? {
    var checker = FormulaChecker(syntax: syntax, names: names, faults: faults)
    let result = checker.statements()
    faults = checker.faults
    return result.map { (checker.graph, $0) }
  }

  private init(syntax: FormulaSyntax, names: FormulaNames, faults: FormulaFaults) {
    self.syntax = syntax
    self.names = names
    self.faults = faults
  }

  // MARK: Statements

  private mutating func statements() -> Int? {
    let last = syntax.statements.lastIndex { $0.name == nil }
    var result: Int?
    for (index, statement) in syntax.statements.enumerated() {
      while let end = statement.value, values.count <= end { addExpression() }
      let value = statement.value.flatMap { values[$0] }
      if let name = statement.name {
        if let last, index > last {
          faults.report(
            at: statement.offset, "'\(name)' is given a value after the result",
            hint: "the last line is the result: move this one before it")
        }
        define(name, value, at: statement.offset)
      } else if index == last {
        result = checkedResult(value, of: statement)
      } else {
        faults.report(
          .warning, at: statement.offset, "the value of this line is not used",
          hint: "only the last line is the result")
      }
    }
    reportMissingResult(last == nil)
    reportUnused()
    return faults.areHarmless ? result : nil
  }

  private mutating func define(_ name: String, _ value: Int?, at offset: Int) {
    if let owner = owner(of: name) {
      faults.report(
        at: offset, "'\(name)' is \(owner) and cannot be given a value", hint: "take another name")
    } else if let first = locals[name] {
      faults.report(
        at: offset, "'\(name)' has a value already",
        hint: "it was given at \(faults.text.position(of: first.offset)): take another name")
    } else {
      locals[name] = Local(value: value, offset: offset)
    }
  }

  /// What has a name that the formula cannot give.
  private func owner(of name: String) -> String? {
    if name == FormulaName.base { return "the base model" }
    if FormulaName.operators.contains(name) { return "an operator" }
    if FormulaName.isReserved(name) { return "a function" }
    if names.models.contains(name) { return "a model" }
    return names.parameters.contains(name) ? "a parameter" : nil
  }

  private mutating func checkedResult(
    _ value: Int?, of statement: FormulaSyntax.Statement
  ) -> Int? {
    guard let value else { return nil }
    let kind = graph.kinds[value]
    if kind.isCondition {
      faults.report(
        at: statement.offset, "the result must be numbers, found a condition",
        hint: "'where(condition, x, y)' chooses between two numbers")
    } else if !kind.isVector {
      faults.report(
        at: statement.offset,
        "the result must have a value for each element, found one for the whole tensor",
        hint: "the result is made from the elements of models")
    }
    return value
  }

  private mutating func reportMissingResult(_ isMissing: Bool) {
    guard isMissing else { return }
    let end = faults.text.scalars.lastIndex { !$0.properties.isWhitespace }.map { $0 + 1 } ?? 0
    let name = syntax.statements.last?.name
    faults.report(
      at: end, syntax.statements.isEmpty ? "the formula is empty" : "the formula has no result",
      hint: name.map { "end it with a line that has no '=', such as '\($0)'" })
  }

  private mutating func reportUnused() {
    for (name, local) in locals.sorted(by: { $0.value.offset < $1.value.offset })
    where !local.isUsed && faults.areHarmless {
      faults.report(.warning, at: local.offset, "'\(name)' is not used", hint: "remove this line")
    }
  }

  // MARK: Expressions

  private mutating func addExpression() {
    let place = values.count
    let offset = syntax.offsets[place]
    let value: Int?
    switch syntax.expressions[place] {
    case .number(let number):
      value = graph.number(number)
    case .name(let name):
      value = self.value(of: name, at: offset)
    case .call(let name, let arguments):
      value = call(name, arguments, at: offset)
    case .prefix(let symbol, let operand):
      let isSign = symbol == "-"
      value = operands([operand], of: symbol, areConditions: !isSign, at: offset).map {
        graph.place(of: .unary(isSign ? .negative : .not, $0[0]))
      }
    case .infix(let symbol, let left, let right):
      value = infix(symbol, left, right, at: offset)
    }
    values.append(value)
  }

  private mutating func value(of name: String, at offset: Int) -> Int? {
    if let local = locals[name] {
      locals[name]?.isUsed = true
      return local.value
    }
    if names.models.contains(name) || name == FormulaName.base && names.hasBase {
      return graph.place(of: .input(name))
    }
    if names.parameters.contains(name) { return graph.place(of: .parameter(name)) }
    if name == FormulaName.base {
      faults.report(
        at: offset, "there is no base model", hint: "name one with 'base_model: PATH'")
    } else if let function = FormulaFunction(rawValue: name) {
      faults.report(at: offset, "'\(name)' is a function", hint: "write '\(function.usage)'")
    } else {
      let known = names.all + locals.keys.sorted()
      faults.report(
        at: offset, "unknown name '\(name)'",
        hint: Suggestion.hint(for: name, in: known, others: "the names here are"))
    }
    return nil
  }

  private mutating func infix(
    _ symbol: String, _ left: Int, _ right: Int, at offset: Int
  ) -> Int? {
    let isLogical = symbol == "and" || symbol == "or"
    guard
      let x = operands([left, right], of: symbol, areConditions: isLogical, at: offset)
    else { return nil }
    func binary(_ operation: FormulaBinary) -> FormulaGraph.Node { .binary(operation, x[0], x[1]) }
    let node: FormulaGraph.Node =
      switch symbol {
      case "+": binary(.add)
      case "-": binary(.subtract)
      case "*": binary(.multiply)
      case "/": binary(.divide)
      case "^": binary(.power)
      case "<": binary(.less)
      case "<=": binary(.lessOrEqual)
      case ">": .binary(.less, x[1], x[0])
      case ">=": .binary(.lessOrEqual, x[1], x[0])
      case "==": binary(.equal)
      case "!=": binary(.unequal)
      case "and": binary(.and)
      default: binary(.or)
      }
    return graph.place(of: node)
  }

  /// The nodes of operands that must all be numbers, or all be conditions.
  private mutating func operands(
    _ places: [Int], of symbol: String, areConditions: Bool, at offset: Int
  ) -> [Int]? {
    let operands = places.map { values[$0] }
    if operands.contains(where: { $0.map { graph.kinds[$0].isCondition } == !areConditions }) {
      faults.report(
        at: offset,
        areConditions
          ? "'\(symbol)' wants conditions, found a number"
          : "'\(symbol)' wants numbers, found a condition",
        hint: areConditions
          ? "compare it, for example 'x != 0'"
          : "'where(condition, x, y)' chooses between two numbers")
      return nil
    }
    let known = operands.compactMap(\.self)
    return known.count == operands.count ? known : nil
  }
}

// MARK: - Functions

extension FormulaChecker {
  private mutating func call(_ name: String, _ arguments: [Int], at offset: Int) -> Int? {
    guard let function = FormulaFunction(rawValue: name) else {
      reportUnknownFunction(name, at: offset)
      return nil
    }
    guard function.arity.contains(arguments.count) else {
      let (low, high) = (function.arity.lowerBound, function.arity.upperBound)
      let wanted = high == .max ? "at least \(low)" : low == 0 ? "no" : "\(low)"
      faults.report(
        at: offset,
        "'\(name)' takes \(wanted) argument\(low == 1 ? "" : "s"), found \(arguments.count)",
        hint: "write '\(function.usage)'")
      return nil
    }
    switch function {
    case .where: return select(arguments, at: offset)
    case .random:
      randomCalls += 1
      return graph.place(of: .random(call: randomCalls - 1))
    case .sum, .mean, .norm, .dot, .cos, .var, .quantile, .maxAbs:
      return fact(function, arguments, at: offset)
    case .abs, .sign, .sqrt, .exp, .log, .sin, .acos, .min, .max, .clamp:
      guard
        let x = operands(arguments, of: name, areConditions: false, at: offset)
      else { return nil }
      return elementwise(function, x)
    }
  }

  private mutating func reportUnknownFunction(_ name: String, at offset: Int) {
    if locals[name] != nil || names.all.contains(name) {
      faults.report(
        at: offset, "'\(name)' is not a function", hint: "write '*' to multiply")
    } else {
      faults.report(
        at: offset, "unknown function '\(name)'",
        hint: Suggestion.hint(
          for: name, in: FormulaFunction.allCases.map(\.rawValue), others: "the functions are"))
    }
  }

  private mutating func elementwise(_ function: FormulaFunction, _ x: [Int]) -> Int {
    switch function {
    case .abs: graph.place(of: .unary(.magnitude, x[0]))
    case .sign: graph.place(of: .unary(.sign, x[0]))
    case .sqrt: graph.place(of: .unary(.squareRoot, x[0]))
    case .exp: graph.place(of: .unary(.exponential, x[0]))
    case .log: graph.place(of: .unary(.logarithm, x[0]))
    case .sin: graph.place(of: .unary(.sine, x[0]))
    case .acos: graph.place(of: .unary(.arccosine, x[0]))
    case .clamp: clamp(x[0], x[1], x[2])
    default:
      x.dropFirst().reduce(x[0]) { left, right in
        graph.place(of: .binary(function == .min ? .minimum : .maximum, left, right))
      }
    }
  }

  private mutating func clamp(_ x: Int, _ low: Int, _ high: Int) -> Int {
    let raised = graph.place(of: .binary(.maximum, x, low))
    return graph.place(of: .binary(.minimum, raised, high))
  }

  private mutating func select(_ arguments: [Int], at offset: Int) -> Int? {
    let values = arguments.map { self.values[$0] }
    if let condition = values[0], !graph.kinds[condition].isCondition {
      faults.report(
        at: syntax.offsets[arguments[0]],
        "the first argument of 'where' must be a condition, found a number",
        hint: "compare it, for example 'x != 0'")
      return nil
    }
    if let x = values[1], let y = values[2],
      graph.kinds[x].isCondition != graph.kinds[y].isCondition
    {
      faults.report(at: offset, "'where' chooses between two numbers, or between two conditions")
      return nil
    }
    guard let condition = values[0], let x = values[1], let y = values[2] else { return nil }
    return graph.place(of: .select(condition: condition, x, y))
  }

  // MARK: Facts

  private mutating func fact(
    _ function: FormulaFunction, _ arguments: [Int], at offset: Int
  ) -> Int? {
    let vectors = function == .quantile ? [arguments[0]] : arguments
    let name = function.rawValue
    // The sum of a condition counts the elements for which it holds.
    let counts = function == .sum || function == .mean
    for vector in vectors {
      guard let kind = values[vector].map({ graph.kinds[$0] }) else { return nil }
      if !kind.isVector {
        faults.report(
          at: syntax.offsets[vector],
          "'\(name)' wants a value for each element, found one for the whole tensor")
        return nil
      }
      if kind.isCondition, !counts {
        faults.report(
          at: syntax.offsets[vector], "'\(name)' wants numbers, found a condition",
          hint: "'sum' and 'mean' count the elements for which a condition holds")
        return nil
      }
    }
    let x = arguments.compactMap { values[$0] }
    guard x.count == arguments.count else { return nil }
    if function == .quantile, !isFraction(x[1], at: syntax.offsets[arguments[1]]) { return nil }
    return graph.fact(function, x)
  }

  private mutating func isFraction(_ node: Int, at offset: Int) -> Bool {
    let kind = graph.kinds[node]
    if kind.isVector || kind.isCondition {
      let found = kind.isCondition ? "a condition" : "a value for each element"
      faults.report(
        at: offset, "the fraction of 'quantile' must be one number, found \(found)")
      return false
    }
    if let fraction = graph.constant(node), !(0...1).contains(fraction) {
      faults.report(
        at: offset,
        "the fraction of 'quantile' must be from 0 to 1, found \(ParameterValue.number(fraction))")
      return false
    }
    return true
  }
}

extension FormulaGraph {
  /// The node of a function over the whole tensor, made from the few facts that are gathered.
  fileprivate mutating func fact(_ function: FormulaFunction, _ x: [Int]) -> Int {
    switch function {
    case .mean: return mean(x[0])
    case .norm: return norm(x[0])
    case .dot: return dot(x[0], x[1])
    case .cos: return cosine(x[0], x[1])
    case .var:
      let difference = place(of: .binary(.subtract, x[0], mean(x[0])))
      return mean(place(of: .binary(.multiply, difference, difference)))
    case .maxAbs: return place(of: .fact(.largestMagnitude(x[0])))
    case .quantile: return place(of: .fact(.quantile(x[0], fraction: x[1])))
    default: return place(of: .fact(.sum(x[0])))
    }
  }

  private mutating func mean(_ x: Int) -> Int {
    let sum = place(of: .fact(.sum(x)))
    return place(of: .binary(.divide, sum, place(of: .elementCount)))
  }

  private mutating func dot(_ x: Int, _ y: Int) -> Int {
    place(of: .fact(.dot(min(x, y), max(x, y))))
  }

  private mutating func norm(_ x: Int) -> Int {
    place(of: .unary(.squareRoot, dot(x, x)))
  }

  /// The dot product divided by both lengths; 0 when one of them is.
  private mutating func cosine(_ x: Int, _ y: Int) -> Int {
    let lengths = place(of: .binary(.multiply, norm(x), norm(y)))
    let quotient = place(of: .binary(.divide, dot(x, y), lengths))
    let (one, zero) = (number(1), number(0))
    let raised = place(of: .binary(.maximum, quotient, number(-1)))
    let clamped = place(of: .binary(.minimum, raised, one))
    let isZero = place(of: .binary(.equal, lengths, zero))
    return place(of: .select(condition: isZero, zero, clamped))
  }
}
