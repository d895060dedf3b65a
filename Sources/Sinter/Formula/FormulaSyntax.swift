/// A formula as it is written: statements, and the expressions in them.
///
/// Expressions lie in one list in which operands come before what is made of them, so that whoever
/// reads them needs no recursion, however long a sum is.
struct FormulaSyntax: Sendable, Equatable {
  /// An expression; operands are places in the list of expressions.
  enum Expression: Sendable, Equatable {
    case number(Double)
    case name(String)
    case call(String, [Int])
    /// `-` or `not`.
    case prefix(String, Int)
    case infix(String, Int, Int)
  }

  /// `name = value`, or a value.
  struct Statement: Sendable, Equatable {
    let name: String?
    /// Where the statement begins in the formula.
    let offset: Int
    /// The place of its expression, or `nil` when it could not be read.
    let value: Int?
  }

  var expressions: [Expression] = []
  /// Where each expression is reported: at its operator, name or number.
  var offsets: [Int] = []
  var statements: [Statement] = []

  mutating func add(_ expression: Expression, at offset: Int) -> Int {
    expressions.append(expression)
    offsets.append(offset)
    return expressions.count - 1
  }

  /// An expression with all its parentheses.
  func text(of place: Int) -> String {
    switch expressions[place] {
    case .number(let value): ParameterValue.number(value).description
    case .name(let name): name
    case .call(let name, let arguments):
      "\(name)(\(arguments.map { text(of: $0) }.joined(separator: ", ")))"
    case .prefix(let symbol, let operand):
      symbol == "-" ? "(-\(text(of: operand)))" : "(\(symbol) \(text(of: operand)))"
    case .infix(let symbol, let left, let right):
      "(\(text(of: left)) \(symbol) \(text(of: right)))"
    }
  }
}
