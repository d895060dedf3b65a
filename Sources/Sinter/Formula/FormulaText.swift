/// The text of a formula, and the place in a file of each of its characters.
public struct FormulaText: Sendable, Hashable {
  /// The text, in which statements are lines.
  public let text: String
  /// The characters.
  let scalars: [Unicode.Scalar]
  /// The place of each character, and that of the end.
  private let positions: [SourcePosition]

  /// Takes a text that stands by itself: places are counted from its beginning.
  ///
  /// - Parameter text: the formula.
  public init(_ text: String) {
    self.init(text, in: text, at: .start)
  }

  /// The place where the formula begins.
  public var position: SourcePosition { positions[0] }

  /// The place of a character, or of the end for the number of characters.
  func position(of offset: Int) -> SourcePosition { positions[offset] }

  /// Finds the characters of a YAML scalar in the file where it was written.
  ///
  /// Each visible character is looked up in turn, so that indentation, folded lines and quotes need
  /// no rules of their own. After an escape sequence that stands for a visible character all
  /// places are that of the sequence.
  ///
  /// - Parameters:
  ///   - text: the value of the scalar.
  ///   - source: the text of the file.
  ///   - start: the place where the parser says that the scalar begins.
  init(_ text: String, in source: String, at start: SourcePosition) {
    self.text = text
    scalars = Array(text.unicodeScalars)
    var cursor = SourceCursor(source)
    if text != source { cursor.enterScalar(at: start) }
    var positions: [SourcePosition] = []
    positions.reserveCapacity(scalars.count + 1)
    var next = cursor.position
    for scalar in scalars {
      if !scalar.properties.isWhitespace { next = cursor.take(scalar) }
      positions.append(next)
      next = SourcePosition(line: next.line, column: next.column + 1)
    }
    positions.append(next)
    self.positions = positions
  }

  /// Two formulas are equal when their texts are and begin at the same place.
  public static func == (lhs: FormulaText, rhs: FormulaText) -> Bool {
    lhs.text == rhs.text && lhs.position == rhs.position
  }

  /// Hashes the text.
  public func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

/// Walks over the characters of a file.
private struct SourceCursor {
  private let scalars: [Unicode.Scalar]
  private var index = 0
  private var isEscaped = false
  private(set) var position = SourcePosition.start
  private var isDoubleQuoted = false

  init(_ source: String) {
    var scalars = Array(source.unicodeScalars)
    if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
    self.scalars = scalars
  }

  private var current: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  private mutating func advance() {
    guard let current else { return }
    position = position.advanced(over: current, after: index > 0 ? scalars[index - 1] : nil)
    index += 1
  }

  private mutating func skip(while condition: (Unicode.Scalar) -> Bool) {
    while let current, condition(current) { advance() }
  }

  /// Goes to the first character of a scalar: past its anchor and tag, its opening quote or the
  /// line that announces a block.
  mutating func enterScalar(at start: SourcePosition) {
    while position < start, current != nil { advance() }
    while current == "&" || current == "!" {
      skip { !$0.properties.isWhitespace }
      skip { $0.properties.isWhitespace }
    }
    switch current {
    case "|", ">":
      skip { $0 != "\n" && $0 != "\r" }
      skip { $0.properties.isWhitespace }
    case "\"", "'":
      isDoubleQuoted = current == "\""
      advance()
    default: break
    }
  }

  /// Goes past the next visible character, if it is the one given, and returns its place; stays
  /// where it is once it was another.
  mutating func take(_ scalar: Unicode.Scalar) -> SourcePosition {
    while !isEscaped {
      skip { $0.properties.isWhitespace }
      guard isDoubleQuoted, current == "\\", index + 1 < scalars.count,
        ["n", "t", "r", " ", "\n", "\r"].contains(scalars[index + 1])
      else { break }
      advance()
      advance()
    }
    let found = position
    if current == scalar, !isEscaped { advance() } else { isEscaped = true }
    return found
  }
}
