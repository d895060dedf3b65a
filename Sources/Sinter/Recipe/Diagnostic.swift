/// A place in a text: line and column, both counted from 1, columns in Unicode scalars.
public struct SourcePosition: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The line, from 1.
  public let line: Int
  /// The column, from 1, in Unicode scalars.
  public let column: Int

  /// Makes a position.
  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  /// Whether a position comes before another in reading order.
  public static func < (lhs: SourcePosition, rhs: SourcePosition) -> Bool {
    (lhs.line, lhs.column) < (rhs.line, rhs.column)
  }

  /// The position as `line:column`.
  public var description: String { "\(line):\(column)" }
}

/// A fault or a remark, with its place and what to do about it.
///
/// Its text is what a person reads:
/// ```
/// recipe.yml:4:32: error: unknown parameter 'densty' for method 'ties'
/// hint: did you mean 'density'?
/// ```
public struct Diagnostic: Sendable, Hashable, CustomStringConvertible {
  /// How grave a diagnostic is.
  public enum Severity: String, Sendable, Hashable {
    /// Nothing is run.
    case error
    /// The run goes on; the message says what follows from it.
    case warning
    /// Something worth knowing.
    case note
  }

  /// How grave it is.
  public let severity: Severity
  /// The file that it speaks of, as the user named it, or `nil`.
  public let file: String?
  /// The place in the file, or `nil`.
  public let position: SourcePosition?
  /// What is wrong: lower case, no full stop; may have more lines, which are indented.
  public let message: String
  /// What to do about it, or `nil`.
  public let hint: String?

  /// Makes a diagnostic.
  public init(
    _ severity: Severity = .error, file: String? = nil, at position: SourcePosition? = nil,
    _ message: String, hint: String? = nil
  ) {
    self.severity = severity
    self.file = file
    self.position = position
    self.message = message
    self.hint = hint
  }

  /// The text that a person reads, with a last line for the hint when there is one.
  public var description: String {
    var text = ""
    if let file {
      text += file + ":"
      if let position { text += "\(position):" }
      text += " "
    }
    text += "\(severity.rawValue): \(message)"
    if let hint { text += "\nhint: \(hint)" }
    return text
  }
}

/// One or more faults that keep a merge from being run, all that could be found at once.
public struct DiagnosticError: Error, Sendable, CustomStringConvertible {
  /// What kind of fault it is, for those who act on it.
  public enum Kind: String, Sendable, Hashable {
    /// A recipe or a checkpoint is invalid; the user can mend it.
    case invalid
    /// A named file or model does not exist.
    case notFound = "not-found"
    /// The output exists already or cannot be made.
    case output
    /// A file cannot be read or written, or the disk is full.
    case inputOutput = "input-output"
    /// The user stopped the run.
    case interrupted
  }

  /// What kind of fault it is.
  public let kind: Kind
  /// The faults, at least one of them an error.
  public let diagnostics: [Diagnostic]

  /// Wraps faults.
  public init(_ diagnostics: [Diagnostic], kind: Kind = .invalid) {
    self.kind = kind
    self.diagnostics = diagnostics
  }

  /// Joins the faults of several places; the kind is theirs when all have the same, else invalid.
  ///
  /// - Parameter errors: at least one error.
  public init(joining errors: [DiagnosticError]) {
    let kinds = Set(errors.map(\.kind))
    kind = kinds.count == 1 ? errors[0].kind : .invalid
    diagnostics = errors.flatMap(\.diagnostics)
  }

  /// The texts of the faults, one after another.
  public var description: String {
    diagnostics.map(\.description).joined(separator: "\n")
  }
}
