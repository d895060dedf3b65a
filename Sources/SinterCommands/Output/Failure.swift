import Safetensors
import Sinter

/// Why a command failed: what is printed and the exit code, for every error there is.
struct Failure {
  /// The code that the process exits with.
  let exitCode: Int32
  /// What is wrong, at least one error.
  let diagnostics: [Diagnostic]

  /// Translates an error that a command threw.
  init(_ error: any Error) {
    switch error {
    case let error as DiagnosticError:
      self.init(error)
    case let error as SafetensorsError:
      self.init(DiagnosticError(error))
    case let error as UsageError:
      self.init(.usage, Diagnostic(.error, error.message, hint: error.hint))
    case is CancellationError:
      self.init(.interrupted, Diagnostic(.error, "interrupted; nothing was written"))
    default:
      let hint = "this is a fault of Sinter: please report it, with the recipe and this text"
      self.init(.software, Diagnostic(.error, "\(error)", hint: hint))
    }
  }

  /// What the argument parser found wrong.
  init(usage message: String, exitCode: Int32) {
    self.exitCode = exitCode
    diagnostics = [Diagnostic(.error, message)]
  }

  private init(_ status: ExitStatus, _ diagnostic: Diagnostic) {
    exitCode = status.rawValue
    diagnostics = [diagnostic]
  }

  private init(_ error: DiagnosticError) {
    let status: ExitStatus =
      switch error.kind {
      case .invalid: .invalid
      case .notFound: .notFound
      case .output: .output
      case .inputOutput: .inputOutput
      case .interrupted: .interrupted
      }
    exitCode = status.rawValue
    diagnostics = error.diagnostics
  }

  /// The last line when there is more than one error: how many.
  var countText: String? {
    let count = diagnostics.count { $0.severity == .error }
    return count > 1 ? "\(count) errors" : nil
  }

  /// The JSON document that says so.
  func document(ofCommand name: String) -> JSONText {
    .report(ofCommand: name, exitCode: exitCode, diagnostics: diagnostics, [])
  }
}

/// A value on the command line that only the command itself can judge.
struct UsageError: Error {
  /// What is wrong.
  let message: String
  /// What to do about it.
  let hint: String?
}
