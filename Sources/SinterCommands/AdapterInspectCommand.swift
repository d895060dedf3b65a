import ArgumentParser
import Sinter

/// `sinter adapter inspect`: tells what is in an adapter, and whether it fits a model.
struct AdapterInspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what an adapter changes, and whether it fits a model.",
    discussion: """
      Reads headers and small files, and with --base what shows that the adapter changes \
      something. Modules that differ in nothing but layer numbers share a line, with a star for \
      the number.

        sinter adapter inspect adapters/chat
        sinter adapter inspect adapters/chat --base models/base
      """)

  @Argument(
    help: ArgumentHelp("The folder of the adapter.", valueName: "adapter"),
    completion: .directory)
  var adapter: String

  @Option(
    help: ArgumentHelp(
      "A model to hold the adapter against; it is an error when it does not fit.",
      valueName: "model"),
    completion: .file())
  var base: String?

  @Flag(help: "Give every module a line of its own.")
  var all = false

  @Flag(help: "Print one JSON document with every module, errors too.")
  var json = false

  func run() async throws {
    try await Console().report("adapter-inspect", isJSON: json) {
      let adapter = try AdapterReader.open(adapter)
      let model = try base.map { base in
        // Which of two tied uses is changed is a question for those who write a model.
        try CheckpointReader.open(base).applying([WeightedAdapter(adapter)], ties: .untie)
      }
      let report = AdapterReport(adapter, model: model, listsAll: all)
      return CommandResult(
        text: report.text, members: report.members, diagnostics: report.remarks)
    }
  }
}
