/// Reads the words of a formula as statements.
///
/// ```
/// formula    = statement { ("\n" | ";") statement }
/// statement  = [ name "=" ] expression
/// expression = number | name | name "(" [ expression { "," expression } ] ")" | "(" expression ")"
///            | expression operator expression | ("-" | "not") expression
/// ```
/// Operators bind, from the weakest: `or`; `and`; `not`; comparisons, of which only one may stand
/// in a row; `+ -`; `* /`; unary `-`; `^`, also written `**`, which binds from the right. A line break
/// inside parentheses or after an operator does not end a statement.
struct FormulaParser {
  private let tokens: [FormulaToken]
  private var index = 0
  private var depth = 0
  private var syntax = FormulaSyntax()

  /// How deep expressions may be nested.
  static let deepest = 100

  /// A statement cannot be read on; the fault has been reported.
  private struct Unreadable: Error {}

  private init(_ tokens: [FormulaToken]) {
    self.tokens = tokens
  }

  /// Reads all statements and goes on after each that is faulty.
  ///
  /// - Parameters:
  ///   - tokens: the words, the last of them the end.
  ///   - faults: receives what is wrong.
  /// - Returns: the statements.
  static func syntax(of tokens: [FormulaToken], _ faults: inout FormulaFaults) -> FormulaSyntax {
    var parser = FormulaParser(tokens)
    while parser.token.kind != .end {
      if parser.token.kind == .separator {
        parser.index += 1
        continue
      }
      parser.statement(&faults)
    }
    return parser.syntax
  }

  private var token: FormulaToken { tokens[index] }

  private func isNext(_ symbol: String) -> Bool { token.kind == .symbol(symbol) }

  private func fail(
    _ message: String, hint: String? = nil, _ faults: inout FormulaFaults
  ) -> Unreadable {
    faults.report(at: token.range.lowerBound, message, hint: hint)
    return Unreadable()
  }

  private mutating func skipSeparators() {
    while token.kind == .separator { index += 1 }
  }

  // MARK: Statements

  private mutating func statement(_ faults: inout FormulaFaults) {
    let offset = token.range.lowerBound
    var name: String?
    if case .name(let target) = token.kind, tokens[index + 1].kind == .symbol("=") {
      name = target
      index += 2
    }
    var value: Int?
    do throws(Unreadable) {
      value = try wholeExpression(&faults)
    } catch {
      while token.kind != .end, token.kind != .separator { index += 1 }
    }
    syntax.statements.append(.init(name: name, offset: offset, value: value))
  }

  /// Reads an expression that nothing follows in its statement.
  private mutating func wholeExpression(
    _ faults: inout FormulaFaults
  ) throws(Unreadable) -> Int {
    depth = 0
    let value = try expression(&faults)
    guard token.kind == .separator || token.kind == .end else {
      throw fail("expected an operator, found \(token.found)", hint: hintForRest, &faults)
    }
    return value
  }

  private var hintForRest: String? {
    switch token.kind {
    case .symbol("="): "'==' compares; a name is given a value at the beginning of a line"
    case .symbol(")"): "no parenthesis is open here"
    case .symbol(","): "commas stand between the arguments of a function"
    case .symbol("("): "only functions are followed by '('; write '*' to multiply"
    case .name, .number: "statements are separated by a line break or ';'"
    default: nil
    }
  }

  // MARK: Expressions

  private enum Level: Int, Comparable {
    case or, and, not, comparison, sum, product, sign, power

    static func < (lhs: Level, rhs: Level) -> Bool { lhs.rawValue < rhs.rawValue }
  }

  /// The operator that stands between two operands here.
  private var infix: (symbol: String, level: Level)? {
    switch token.kind {
    case .name("or"): ("or", .or)
    case .name("and"): ("and", .and)
    case .symbol(let symbol):
      switch symbol {
      case "<", "<=", ">", ">=", "==", "!=": (symbol, .comparison)
      case "+", "-": (symbol, .sum)
      case "*", "/": (symbol, .product)
      case "^", "**": ("^", .power)
      default: nil
      }
    default: nil
    }
  }

  /// Reads operands and the operators between them that bind at least as strongly as a level.
  private mutating func expression(
    from level: Level = .or, _ faults: inout FormulaFaults
  ) throws(Unreadable) -> Int {
    depth += 1
    guard depth <= Self.deepest else {
      throw fail(
        "the formula is nested deeper than \(Self.deepest) levels",
        hint: "give parts of it names of their own", &faults)
    }
    var left = try operand(&faults)
    var compared = false
    while let (symbol, found) = infix, found >= level {
      if found == .comparison {
        if compared {
          throw fail(
            "comparisons cannot stand in a row", hint: "join two of them by 'and'", &faults)
        }
        compared = true
      }
      let offset = token.range.lowerBound
      index += 1
      skipSeparators()
      let right = try expression(from: Self.levelToTheRight(of: found), &faults)
      left = syntax.add(.infix(symbol, left, right), at: offset)
    }
    depth -= 1
    return left
  }

  /// The weakest operators that belong to the right operand.
  private static func levelToTheRight(of level: Level) -> Level {
    level == .power ? .power : Level(rawValue: level.rawValue + 1) ?? .power
  }

  private mutating func operand(_ faults: inout FormulaFaults) throws(Unreadable) -> Int {
    let token = token
    let offset = token.range.lowerBound
    switch token.kind {
    case .number(let value):
      index += 1
      return syntax.add(.number(value), at: offset)
    case .symbol("-"), .name("not"):
      index += 1
      let isSign = token.kind == .symbol("-")
      let operand = try expression(from: isSign ? .power : .comparison, &faults)
      return syntax.add(.prefix(isSign ? "-" : "not", operand), at: offset)
    case .name(let name) where !FormulaName.operators.contains(name):
      index += 1
      guard isNext("(") else { return syntax.add(.name(name), at: offset) }
      index += 1
      return syntax.add(.call(name, try arguments(of: name, &faults)), at: offset)
    case .symbol("("):
      index += 1
      skipSeparators()
      let inner = try expression(&faults)
      skipSeparators()
      try expect(")", toClose: "'('", &faults)
      return inner
    default:
      throw fail(
        "expected a value, found \(token.found)",
        hint: token.kind == .symbol("+")
          ? "to go on in a new line, end the last one with '+'" : nil,
        &faults)
    }
  }

  private mutating func arguments(
    of name: String, _ faults: inout FormulaFaults
  ) throws(Unreadable) -> [Int] {
    skipSeparators()
    if isNext(")") {
      index += 1
      return []
    }
    var arguments = [try argument(&faults)]
    while isNext(",") {
      index += 1
      skipSeparators()
      arguments.append(try argument(&faults))
    }
    try expect(")", toClose: "'\(name)('", &faults)
    return arguments
  }

  private mutating func argument(_ faults: inout FormulaFaults) throws(Unreadable) -> Int {
    let argument = try expression(&faults)
    skipSeparators()
    return argument
  }

  private mutating func expect(
    _ symbol: String, toClose opening: String, _ faults: inout FormulaFaults
  ) throws(Unreadable) {
    guard isNext(symbol) else {
      throw fail(
        "expected '\(symbol)' to close \(opening), found \(token.found)",
        hint: token.kind == .symbol("=") ? "'==' compares" : nil, &faults)
    }
    index += 1
  }
}
