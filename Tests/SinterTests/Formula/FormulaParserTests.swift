import Testing

@testable import Sinter

struct FormulaParserTests {
  /// A formula and its statements with all parentheses.
  struct Case: Sendable, CustomTestStringConvertible {
    let text: String
    let statements: [String]
    var testDescription: String { text }

    init(_ text: String, _ statements: String...) {
      self.text = text
      self.statements = statements
    }
  }

  @Test(arguments: [
    Case("1 + 2 * 3", "(1 + (2 * 3))"),
    Case("a - b - c", "((a - b) - c)"),
    Case("a / b * c", "((a / b) * c)"),
    Case("a ^ b ^ c", "(a ^ (b ^ c))"),
    Case("a ** 2", "(a ^ 2)"),
    Case("-a ^ 2", "(-(a ^ 2))"),
    Case("a ^ -b", "(a ^ (-b))"),
    Case("-a * b", "((-a) * b)"),
    Case("a * -b + c", "((a * (-b)) + c)"),
    Case("--a", "(-(-a))"),
    Case("a < b + 1", "(a < (b + 1))"),
    Case("a < b and c >= d or not e == f", "(((a < b) and (c >= d)) or (not (e == f)))"),
    Case("a or b and c", "(a or (b and c))"),
    Case("not not a", "(not (not a))"),
    Case("(a + b) * c", "((a + b) * c)"),
    Case("f(a, b + 1, g())", "f(a, (b + 1), g())"),
    Case("x = a; x", "x = a", "x"),
    Case("x = a\n\n;\nx # a remark; not read\n", "x = a", "x"),
    Case("f(\n a,\n b\n)", "f(a, b)"),
    Case("a +\n b", "(a + b)"),
    Case("(a\n)", "a"),
    Case("x == y", "(x == y)"),
    Case(".5 + 1e-3 + 2.5E2 + 3.", "(((0.5 + 0.001) + 250) + 3)"),
    Case("\ta\u{00A0}* b\r\nb", "(a * b)", "b"),
    Case(""),
  ])
  func `reads statements`(of formula: Case) {
    let (syntax, faults) = Self.read(formula.text)
    #expect(faults.isEmpty)
    let statements = syntax.statements.map { statement in
      let value = statement.value.map { syntax.text(of: $0) } ?? "?"
      return statement.name.map { "\($0) = \(value)" } ?? value
    }
    #expect(statements == formula.statements)
  }

  /// A formula and its faults.
  struct Bad: Sendable, CustomTestStringConvertible {
    let text: String
    let faults: String
    var testDescription: String { text }

    init(_ text: String, _ faults: String) {
      self.text = text
      self.faults = faults
    }
  }

  @Test(arguments: [
    Bad("a + ", "1:5: expected a value, found the end of the formula"),
    Bad("a * / b", "1:5: expected a value, found '/'"),
    Bad(
      "a b",
      "1:3: expected an operator, found 'b' | statements are separated by a line break or ';'"),
    Bad(
      "2 3",
      "1:3: expected an operator, found the number 3 | statements are separated by a line break or ';'"
    ),
    Bad(
      "(a)(b)",
      "1:4: expected an operator, found '(' | only functions are followed by '('; write '*' to multiply"
    ),
    Bad("(a + b", "1:7: expected ')' to close '(', found the end of the formula"),
    Bad("f(a, b", "1:7: expected ')' to close 'f(', found the end of the formula"),
    Bad("f(a = b)", "1:5: expected ')' to close 'f(', found '=' | '==' compares"),
    Bad("f(a,)", "1:5: expected a value, found ')'"),
    Bad("a)", "1:2: expected an operator, found ')' | no parenthesis is open here"),
    Bad(
      "a, b",
      "1:2: expected an operator, found ',' | commas stand between the arguments of a function"),
    Bad(
      "a + b = c",
      "1:7: expected an operator, found '=' | '==' compares; a name is given a value at the beginning of a line"
    ),
    Bad("a < b < c", "1:7: comparisons cannot stand in a row | join two of them by 'and'"),
    Bad(
      "a\n + b",
      "2:2: expected a value, found '+' | to go on in a new line, end the last one with '+'"),
    Bad("x = ; x", "1:5: expected a value, found the end of the statement"),
    Bad("and", "1:1: expected a value, found 'and'"),
    Bad(
      "a ? b",
      "1:3: formulas have no '?'\n1:5: expected an operator, found 'b' | statements are separated by a line break or ';'"
    ),
    Bad(
      "a \u{00D7} b",
      "1:3: formulas have no '\u{00D7}' | write '*'\n1:5: expected an operator, found 'b' | statements are separated by a line break or ';'"
    ),
    Bad("2x", "1:2: 'x' follows a number | write '*' to multiply, names begin with a letter"),
    Bad("1e999", "1:1: the number '1e999' is too large"),
    Bad(
      "x = (a\ny = b +\nc *",
      "2:1: expected ')' to close '(', found 'y'\n3:4: expected a value, found the end of the formula"
    ),
  ])
  func `says what cannot be read, and goes on`(bad: Bad) {
    #expect(Self.read(bad.text).faults.joined(separator: "\n") == bad.faults)
  }

  @Test func `nesting has an end`() {
    func nested(_ count: Int) -> String {
      String(repeating: "(", count: count) + "a" + String(repeating: ")", count: count)
    }
    #expect(Self.read(nested(FormulaParser.deepest - 1)).faults.isEmpty)
    let fault =
      "1:101: the formula is nested deeper than 100 levels | give parts of it names of their own"
    for bomb in [
      nested(2000), String(repeating: "-", count: 2000) + "a",
      String(repeating: "f(", count: 2000), String(repeating: "not ", count: 200) + "a",
      (0..<2000).map { _ in "a" }.joined(separator: "^"),
    ] {
      let faults = Self.read(bomb).faults
      #expect(faults.count == 1)
      #expect(faults.first?.hasSuffix(fault.dropFirst("1:101".count)) == true)
    }
  }

  @Test func `a long sum is no nesting`() {
    let text = (0..<4000).map { _ in "a" }.joined(separator: "+")
    #expect(Self.read(text).faults.isEmpty)
  }

  /// The statements of a formula, and its faults as `line:column: message | hint`.
  static func read(_ text: String) -> (syntax: FormulaSyntax, faults: [String]) {
    var faults = FormulaFaults(in: FormulaText(text), of: nil)
    let tokens = FormulaLexer.tokens(of: faults.text, &faults)
    let syntax = FormulaParser.syntax(of: tokens, &faults)
    return (syntax, faults.diagnostics.map(\.short))
  }
}

extension Diagnostic {
  /// The diagnostic in one line.
  var short: String {
    let place = position.map { "\($0): " } ?? ""
    let severity = severity == .error ? "" : "\(severity.rawValue): "
    return place + severity + message + (hint.map { " | " + $0 } ?? "")
  }
}
