import ArgumentParser
import Foundation
import Safetensors
import Sinter

/// Where a command's texts go: data to standard output, all else to standard error.
///
/// It knows whether to keep quiet, and whether standard error is a terminal that shows colours.
struct Console: Sendable {
  /// Whether only errors are printed.
  let isQuiet: Bool
  /// Whether standard error is a terminal on which a line can be redrawn.
  let isTerminal: Bool
  /// Whether standard error shows colours.
  let hasColour: Bool

  /// Looks at the environment.
  ///
  /// - Parameters:
  ///   - isQuiet: whether only errors are printed.
  ///   - environment: the variables that decide on colours: `NO_COLOR` and `TERM`.
  ///   - isTerminal: whether standard error is a terminal; `nil` asks the system.
  init(
    isQuiet: Bool = false,
    environment: [String: String] = ProcessInfo.processInfo.environment,
    isTerminal: Bool? = nil
  ) {
    self.isQuiet = isQuiet
    let isPlain = environment["TERM"] == nil || environment["TERM"] == "dumb"
    self.isTerminal = (isTerminal ?? Terminal.isStandardError) && !isPlain
    hasColour = self.isTerminal && (environment["NO_COLOR"] ?? "").isEmpty
  }

  // MARK: Standard output

  /// Prints data, and a line feed.
  ///
  /// - Returns: whether it could be written.
  @discardableResult
  func print(_ text: String) -> Bool {
    write(text + "\n", to: .standardOutput)
  }

  /// Prints a JSON document, and a line feed.
  @discardableResult
  func print(_ document: JSONText) -> Bool {
    print(String(decoding: document.encoded(), as: UTF8.self))
  }

  // MARK: Standard error

  /// Prints what is worth knowing but no error; nothing when quiet.
  func note(_ text: String) {
    if !isQuiet { printError(text) }
  }

  /// Prints diagnostics that are no errors; nothing when quiet.
  func note(_ diagnostics: [Diagnostic]) {
    for diagnostic in diagnostics { note(text(of: diagnostic)) }
  }

  /// Prints why a command failed.
  func print(_ failure: Failure) {
    for diagnostic in failure.diagnostics { printError(text(of: diagnostic)) }
    if let count = failure.countText { printError(count) }
  }

  /// Prints a line to standard error.
  func printError(_ text: String) {
    draw(text + "\n")
  }

  /// Writes to standard error as it is.
  func draw(_ text: String) {
    write(text, to: .standardError)
  }

  /// A diagnostic as people read it, its severity coloured when that can be shown.
  func text(of diagnostic: Diagnostic) -> String {
    let text = PrintableText(diagnostic.description, keepsLines: true).description
    guard hasColour else { return text }
    let plain = Diagnostic(
      diagnostic.severity, file: diagnostic.file, at: diagnostic.position, "")
    let head = PrintableText(plain.description, keepsLines: true).description
    let severity = "\(diagnostic.severity.rawValue): "
    guard text.hasPrefix(head), head.hasSuffix(severity) else { return text }
    return head.dropLast(severity.count) + Self.colour(of: diagnostic.severity) + severity
      + Self.noColour + text.dropFirst(head.count)
  }

  private static let noColour = "\u{1B}[0m"

  private static func colour(of severity: Diagnostic.Severity) -> String {
    switch severity {
    case .error: "\u{1B}[1;31m"
    case .warning: "\u{1B}[1;33m"
    case .note: "\u{1B}[1;36m"
    }
  }

  @discardableResult
  private func write(_ text: String, to file: FileHandle) -> Bool {
    do {
      try file.write(contentsOf: Data(text.utf8))
      return true
    } catch {
      return false
    }
  }
}

// MARK: - Commands

extension Console {
  /// Runs the body of a command and prints its result or why it failed.
  ///
  /// - Parameters:
  ///   - name: the command.
  ///   - isJSON: whether the result is the document, and otherwise the text.
  ///   - body: the command; it prints nothing to standard output itself.
  /// - Throws: the exit code when it is not 0.
  func report(
    _ name: String, isJSON: Bool, _ body: () async throws -> CommandResult
  ) async throws(ExitCode) {
    do {
      let result = try await body()
      let isWritten =
        if isJSON {
          print(.report(ofCommand: name, diagnostics: result.diagnostics, result.members()))
        } else {
          result.text().map { print($0) } ?? true
        }
      guard isWritten else { throw DiagnosticError.standardOutput }
    } catch {
      let failure = Failure(error)
      // When not even the document can be written, standard error is what is left.
      if !isJSON || !print(failure.document(ofCommand: name)) { print(failure) }
      throw ExitCode(failure.exitCode)
    }
  }
}

/// What a command tells about its work; of text and document only the one that is wanted is made.
struct CommandResult {
  /// The text for people; `nil` when there is none on standard output.
  let text: () -> String?
  /// The members of the JSON document.
  let members: () -> [(key: String, value: JSONText)]
  /// Warnings and notes, for the JSON document.
  let diagnostics: [Diagnostic]

  init(
    text: @autoclosure @escaping () -> String?,
    members: @autoclosure @escaping () -> [(key: String, value: JSONText)],
    diagnostics: [Diagnostic]
  ) {
    self.text = text
    self.members = members
    self.diagnostics = diagnostics
  }
}

extension DiagnosticError {
  /// Standard output is closed, or its disk is full.
  static let standardOutput = DiagnosticError(
    [Diagnostic(.error, "cannot write standard output")], kind: .inputOutput)
}
