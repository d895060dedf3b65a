import ArgumentParser
import Sinter

/// `sinter methods`: tells what merge methods there are.
struct MethodsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "methods",
    abstract: "List the merge methods, or explain one of them.",
    discussion: """
        sinter methods
        sinter methods ties
      """)

  @Argument(
    help: ArgumentHelp(
      "The method to explain: its formula, parameters, source and an example.",
      valueName: "name"),
    completion: .custom { _, _, _ in SinterProgram.methods.declarations.map(\.name) })
  var name: String?

  @Flag(help: "Print one JSON document, errors too.")
  var json = false

  func run() async throws {
    try await Console().report("methods", isJSON: json) {
      let declarations = SinterProgram.methods.declarations
      guard let name else {
        let report = MethodReport(declarations)
        return CommandResult(text: report.list, members: report.members, diagnostics: [])
      }
      guard let declaration = declarations.first(where: { $0.name == name }) else {
        throw UsageError(
          message: "unknown method '\(name)'",
          hint: Suggestion.hint(
            for: name, in: declarations.map(\.name), others: "the methods are"))
      }
      let report = MethodReport([declaration])
      return CommandResult(text: report.text, members: report.members, diagnostics: [])
    }
  }
}
