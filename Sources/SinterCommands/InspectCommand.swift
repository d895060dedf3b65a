import ArgumentParser
import Sinter

/// `sinter inspect`: tells what is in a checkpoint.
struct InspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what is in a model: architecture, parameters, dtypes, files, layers.",
    discussion: """
      Reads headers and small files only.

        sinter inspect models/base
        sinter inspect --tensors models/base/model.safetensors
      """)

  @Argument(
    help: ArgumentHelp(
      "The folder of a model, or one safetensors file.", valueName: "model"),
    completion: .file())
  var model: String

  @Flag(help: "List every tensor: name, dtype, shape, size and file.")
  var tensors = false

  @Flag(help: "Print one JSON document with every tensor, errors too.")
  var json = false

  func run() async throws {
    try await Console().report("inspect", isJSON: json) {
      let report = InspectionReport(try CheckpointReader.open(model), listsTensors: tensors)
      return CommandResult(
        text: report.text, members: report.members, diagnostics: report.remarks)
    }
  }
}
