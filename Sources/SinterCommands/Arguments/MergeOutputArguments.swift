import ArgumentParser
import Sinter

/// What a command that writes a model takes: what may be replaced and written, and what is printed.
struct MergeOutputArguments: ParsableArguments {
  @Flag(help: "Replace OUTPUT when it is the output of an earlier merge. (default: refuse)")
  var overwrite = false

  @Flag(
    help: ArgumentHelp(
      "Write values that are NaN or infinite, with a warning. (default: refuse)"))
  var allowNonFinite = false

  @Flag(
    name: .customLong("no-sync"),
    help: ArgumentHelp(
      """
      Do not wait until the weights are on the disk; a loss of power in the next seconds can then \
      damage OUTPUT. (default: wait)
      """))
  var skipsSync = false

  @Flag(help: "Print one JSON document on standard output, errors too.")
  var json = false

  @OptionGroup var display: ProgressArguments

  var quiet: Bool { display.quiet }

  /// Executes a plan as the arguments say.
  ///
  /// - Parameters:
  ///   - plan: what to do.
  ///   - path: the output folder.
  ///   - resources: with how many workers, in how much memory.
  ///   - console: where progress is shown.
  ///   - verb: what was done to the tensors.
  /// - Returns: what the command gives back.
  /// - Throws: why it was not done; after a signal, that it was interrupted.
  func run(
    _ plan: MergePlan, into path: String, _ resources: ResourceArguments, _ console: Console,
    verb: String = "merged"
  ) async throws -> CommandResult {
    let run = MergeRun(
      plan: plan, output: path,
      options: resources.options(
        overwrites: overwrite, allowsNonFinite: allowNonFinite, synchronizes: !skipsSync),
      style: display.style, console: console)
    let report = MergeReport(plan, try await run.summary(), verb: verb)
    // Programs that read the document find remarks in it; people get them as text.
    if !json {
      console.note(report.remarks)
      console.note(report.text)
    }
    return CommandResult(text: nil, members: report.members, diagnostics: report.remarks)
  }
}
