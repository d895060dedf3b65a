/// A word of a formula.
struct FormulaToken: Sendable, Equatable {
  enum Kind: Sendable, Equatable {
    case number(Double)
    case name(String)
    /// An operator, a parenthesis or a comma.
    case symbol(String)
    /// A line break or `;`.
    case separator
    case end
  }

  let kind: Kind
  /// The characters of the formula that it consists of.
  let range: Range<Int>

  /// The token as messages name it after "found".
  var found: String {
    switch kind {
    case .number(let value): "the number \(ParameterValue.number(value))"
    case .name(let name): "'\(name)'"
    case .symbol(let symbol): "'\(symbol)'"
    case .separator: "the end of the statement"
    case .end: "the end of the formula"
    }
  }
}

/// Cuts a formula into words.
struct FormulaLexer {
  private let scalars: [Unicode.Scalar]
  private var index = 0
  private(set) var tokens: [FormulaToken] = []

  private init(_ scalars: [Unicode.Scalar]) {
    self.scalars = scalars
  }

  /// Cuts a formula into words, of which the last is the end.
  ///
  /// - Parameters:
  ///   - text: the formula.
  ///   - faults: receives what is no word.
  /// - Returns: the words.
  static func tokens(of text: FormulaText, _ faults: inout FormulaFaults) -> [FormulaToken] {
    var lexer = FormulaLexer(text.scalars)
    while lexer.index < lexer.scalars.count { lexer.next(&faults) }
    lexer.add(.end, from: lexer.index)
    return lexer.tokens
  }

  private static let pairs = ["**", "<=", ">=", "==", "!="]
  private static let singles: Set<Unicode.Scalar> = [
    "+", "-", "*", "/", "^", "<", ">", "=", "(", ")", ",",
  ]
  private static let lookalikes: [Unicode.Scalar: String] = [
    "\u{2212}": "-", "\u{2013}": "-", "\u{00D7}": "*", "\u{00B7}": "*", "\u{00F7}": "/",
    "\u{2264}": "<=", "\u{2265}": ">=", "\u{2260}": "!=", "&": "and", "|": "or", "!": "not",
    "[": "(", "]": ")", "{": "(", "}": ")",
  ]

  private func peek(_ distance: Int = 0) -> Unicode.Scalar? {
    index + distance < scalars.count ? scalars[index + distance] : nil
  }

  private mutating func add(_ kind: FormulaToken.Kind, from start: Int) {
    tokens.append(FormulaToken(kind: kind, range: start..<index))
  }

  private mutating func next(_ faults: inout FormulaFaults) {
    let scalar = scalars[index]
    let start = index
    if scalar == "\n" || scalar == "\r" || scalar == ";" {
      index += 1
      add(.separator, from: start)
    } else if scalar.properties.isWhitespace {
      index += 1
    } else if scalar == "#" {
      while let next = peek(), next != "\n", next != "\r" { index += 1 }
    } else if FormulaName.begins(with: scalar) {
      while let next = peek(), FormulaName.goesOn(with: next) { index += 1 }
      add(.name(text(from: start)), from: start)
    } else if Self.isDigit(scalar) || scalar == "." && peek(1).map(Self.isDigit) == true {
      number(&faults)
    } else if let second = peek(1), Self.pairs.contains("\(scalar)\(second)") {
      index += 2
      add(.symbol(text(from: start)), from: start)
    } else {
      index += 1
      if Self.singles.contains(scalar) {
        add(.symbol(text(from: start)), from: start)
      } else {
        faults.report(
          at: start, "formulas have no '\(scalar)'",
          hint: Self.lookalikes[scalar].map { "write '\($0)'" })
      }
    }
  }

  private mutating func number(_ faults: inout FormulaFaults) {
    let start = index
    digits()
    if peek() == "." {
      index += 1
      digits()
    }
    if peek() == "e" || peek() == "E" {
      let sign = peek(1) == "+" || peek(1) == "-" ? 1 : 0
      if peek(1 + sign).map(Self.isDigit) == true {
        index += 1 + sign
        digits()
      }
    }
    let written = text(from: start)
    let value = Double(written.hasSuffix(".") ? written + "0" : written) ?? .infinity
    if !value.isFinite {
      faults.report(at: start, "the number '\(written)' is too large")
    }
    add(.number(value.isFinite ? value : 0), from: start)
    if let next = peek(), FormulaName.goesOn(with: next) {
      faults.report(
        at: index, "'\(next)' follows a number",
        hint: "write '*' to multiply, names begin with a letter")
      while let next = peek(), FormulaName.goesOn(with: next) { index += 1 }
    }
  }

  private mutating func digits() {
    while let next = peek(), Self.isDigit(next) { index += 1 }
  }

  private func text(from start: Int) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars[start..<index])
    return String(view)
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
}

/// What may be a name in a formula: letters, digits and `_`, not beginning with a digit.
enum FormulaName {
  /// Whether a text is a name that nothing else has taken.
  static func isFree(_ text: String) -> Bool { isName(text) && !isReserved(text) }

  /// Whether a text has the form of a name.
  static func isName(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first, begins(with: first) else { return false }
    return text.unicodeScalars.allSatisfy(goesOn)
  }

  /// Whether a name is that of an operator, a function or the base model.
  static func isReserved(_ name: String) -> Bool {
    operators.contains(name) || name == base || FormulaFunction(rawValue: name) != nil
  }

  /// The operators that are words.
  static let operators = ["and", "or", "not"]
  /// The name of the base model.
  static let base = "base"

  static func begins(with scalar: Unicode.Scalar) -> Bool {
    ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
  }

  static func goesOn(with scalar: Unicode.Scalar) -> Bool {
    begins(with: scalar) || ("0"..."9").contains(scalar)
  }
}
