import Safetensors
import Sinter

extension JSONText {
  /// The document of a command: the same first members for all commands, and for failures.
  ///
  /// - Parameters:
  ///   - name: the command, which names the schema.
  ///   - exitCode: the code that the process exits with.
  ///   - diagnostics: errors, warnings and notes.
  ///   - members: what the command has to tell, in order.
  /// - Returns: the whole document.
  static func report(
    ofCommand name: String, exitCode: Int32 = 0, diagnostics: [Diagnostic],
    _ members: [(key: String, value: JSONText)]
  ) -> JSONText {
    .object(
      [
        ("schema", .string("sinter/\(name)")),
        ("schema_version", 1),
        ("sinter_version", .string(SinterVersion.current)),
        ("ok", .bool(exitCode == 0)),
        ("exit_code", .number(exitCode)),
      ] + members + [("diagnostics", .array(diagnostics.map(JSONText.init)))])
  }

  /// A diagnostic with its place taken apart.
  init(_ diagnostic: Diagnostic) {
    self = .object([
      ("severity", .string(diagnostic.severity.rawValue)),
      ("file", JSONText(diagnostic.file)),
      ("line", diagnostic.position.map { .number($0.line) } ?? .null),
      ("column", diagnostic.position.map { .number($0.column) } ?? .null),
      ("message", .string(diagnostic.message)),
      ("hint", JSONText(diagnostic.hint)),
    ])
  }

  /// A string, or `null`.
  init(_ text: String?) {
    self = text.map { .string($0) } ?? .null
  }

  /// The value of a parameter with its JSON type.
  init(_ value: ParameterValue) {
    switch value {
    case .number: self = .verbatim(value.description)
    case .integer(let number): self = .number(number)
    case .boolean(let isOn): self = .bool(isOn)
    case .choice(let word): self = .string(word)
    }
  }
}
