/// A single value as a recipe writes it, before it is known what type is wanted.
///
/// YAML 1.1 gives text a type by its look, and its rules surprise: `1e-5` is a string there and
/// `010` is eight. Here a value is kept as text and read as what the parameter wants; texts that
/// YAML would turn into another number than the one they show are refused.
public struct RecipeScalar: Sendable, Hashable {
  /// The text, without quotes.
  public let text: String
  /// Whether it stood in quotes, or in a block of literal text.
  public let isQuoted: Bool

  /// Makes a value.
  public init(_ text: String, isQuoted: Bool = false) {
    self.text = text
    self.isQuoted = isQuoted
  }

  /// Whether nothing was given: an empty plain value, `~` or `null`.
  public var isNull: Bool {
    !isQuoted && ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// The value as a decimal number, which may be infinite or not a number, or `nil`.
  ///
  /// Digits may be grouped by `_`. Hexadecimal, octal, binary and base-60 numbers are not read.
  public var number: Double? {
    switch text.lowercased() {
    case ".inf", "+.inf", "inf", "+inf", "infinity", "+infinity": return .infinity
    case "-.inf", "-inf", "-infinity": return -.infinity
    case ".nan", "nan": return .nan
    default: break
    }
    guard let digits = ungrouped, Self.isDecimal(digits), !looksOctal else { return nil }
    return Double(digits)
  }

  /// The value as a whole number, also when written as `4.0` or `1e3`, or `nil`.
  public var integer: Int? {
    if let digits = ungrouped, !looksOctal, let value = Int(digits) { return value }
    guard let number else { return nil }
    return Int(exactly: number)
  }

  /// The value as `true` or `false`, in any of the spellings of YAML, or `nil`.
  public var boolean: Bool? {
    switch text.lowercased() {
    case "true", "yes", "on", "t", "y": return true
    case "false", "no", "off", "f", "n": return false
    default: break
    }
    switch number {
    case 1: return true
    case 0: return false
    default: return nil
    }
  }

  /// The value as messages quote it.
  package var quoted: String { isNull ? "nothing" : "'\(text)'" }

  /// `010`: eight to YAML 1.1, ten to everyone else.
  private var looksOctal: Bool {
    guard !isQuoted else { return false }
    let digits = text.utf8.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
    return digits.count > 1 && digits.first == UInt8(ascii: "0")
      && digits.allSatisfy { Self.isDigit($0) || $0 == UInt8(ascii: "_") }
  }

  /// The text without `_` between digits, or `nil` when one stands elsewhere.
  private var ungrouped: String? {
    let underscore = UInt8(ascii: "_")
    let bytes = Array(text.utf8)
    guard bytes.contains(underscore) else { return text }
    for index in bytes.indices where bytes[index] == underscore {
      guard index > 0, Self.isDigit(bytes[index - 1]), index + 1 < bytes.count,
        Self.isDigit(bytes[index + 1]) || bytes[index + 1] == underscore
      else { return nil }
    }
    return String(decoding: bytes.filter { $0 != underscore }, as: UTF8.self)
  }

  /// Whether a text is `[+-] (digits [. digits] | . digits) [e [+-] digits]`.
  private static func isDecimal(_ text: String) -> Bool {
    var rest = Array(text.utf8)[...]
    func digits() -> Int {
      let count = rest.prefix(while: isDigit).count
      rest = rest.dropFirst(count)
      return count
    }
    func sign() {
      if let first = rest.first, first == UInt8(ascii: "+") || first == UInt8(ascii: "-") {
        rest = rest.dropFirst()
      }
    }
    sign()
    var mantissa = digits()
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      mantissa += digits()
    }
    guard mantissa > 0 else { return false }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest = rest.dropFirst()
      sign()
      guard digits() > 0 else { return false }
    }
    return rest.isEmpty
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}

extension RecipeScalar {
  /// Reads the value as the type of a parameter, and checks its range.
  ///
  /// - Parameters:
  ///   - kind: The type and range that the parameter wants.
  ///   - name: The parameter's name, for messages.
  ///   - position: Where the value stands.
  /// - Returns: The typed value.
  /// - Throws: `RecipeFault` at `position` when the value has another type or is out of range.
  package func value(
    as kind: ParameterKind, of name: String, at position: SourcePosition
  ) throws(RecipeFault) -> ParameterValue {
    func fault(_ wanted: String, hint: String? = nil) -> RecipeFault {
      RecipeFault(at: position, "'\(name)' must be \(wanted), found \(quoted)", hint: hint)
    }
    switch kind {
    case .number(let range):
      guard let number else { throw fault("a number", hint: numberHint) }
      guard number.isFinite else { throw fault("a finite number") }
      guard range.contains(number) else { throw fault(Self.words(for: range)) }
      return .number(number)
    case .integer(let range):
      guard let integer else { throw fault("a whole number", hint: numberHint) }
      guard range.contains(integer) else { throw fault(Self.words(for: range)) }
      return .integer(integer)
    case .boolean:
      guard let boolean else { throw fault("true or false") }
      return .boolean(boolean)
    case .choice(let words):
      guard !isNull, words.contains(text) else {
        let list = words.map { "'\($0)'" }.joined(separator: ", ")
        throw fault(
          "one of \(list)",
          hint: Suggestion.nearest(to: text, in: words).map { "did you mean '\($0)'?" })
      }
      return .choice(text)
    }
  }

  private var numberHint: String? {
    let digits = text.lowercased().drop { $0 == "-" || $0 == "+" }
    let based = digits.hasPrefix("0x") || digits.hasPrefix("0b") || digits.hasPrefix("0o")
    return looksOctal || based ? "write it in decimal, without leading zeros" : nil
  }

  private static func words(for range: ClosedRange<Double>) -> String {
    let low = ParameterValue.number(range.lowerBound).description
    let high = ParameterValue.number(range.upperBound).description
    if !range.upperBound.isFinite { return "at least \(low)" }
    if !range.lowerBound.isFinite { return "at most \(high)" }
    return "from \(low) to \(high)"
  }

  private static func words(for range: ClosedRange<Int>) -> String {
    if range.upperBound == .max { return "at least \(range.lowerBound)" }
    if range.lowerBound == .min { return "at most \(range.upperBound)" }
    return "from \(range.lowerBound) to \(range.upperBound)"
  }
}
