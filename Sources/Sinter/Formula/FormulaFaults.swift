/// The faults of one formula, gathered while it is read.
struct FormulaFaults {
  let text: FormulaText
  let file: String?
  private(set) var diagnostics: [Diagnostic] = []

  init(in text: FormulaText, of file: String?) {
    self.text = text
    self.file = file
  }

  /// Notes what is wrong at a character of the formula.
  mutating func report(
    _ severity: Diagnostic.Severity = .error, at offset: Int, _ message: String,
    hint: String? = nil
  ) {
    diagnostics.append(
      Diagnostic(severity, file: file, at: text.position(of: offset), message, hint: hint))
  }

  /// Whether nothing was found that keeps the formula from being used.
  var areHarmless: Bool { !diagnostics.contains { $0.severity == .error } }
}
