import ArgumentParser
import Sinter

/// `sinter merge`: runs a recipe.
struct MergeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Run a recipe: merge its models into a new folder.",
    discussion: """
      All faults that headers can show are found before the first weight is read. The output \
      is built in OUTPUT.partial and takes its name only when it is complete; an interrupted or \
      failed merge leaves nothing behind.

        sinter merge recipe.yml merged
        sinter merge --seed 7 --shard-size 2GB --overwrite recipe.yml merged
      """)

  @OptionGroup var recipe: RecipeArguments

  @Argument(
    help: ArgumentHelp("The folder to make.", valueName: "output"),
    completion: .directory)
  var output: String

  @OptionGroup var resources: ResourceArguments

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

  @Flag(help: "Print nothing but errors.")
  var quiet = false

  @Option(
    help: ArgumentHelp(
      "Progress on standard error; auto is a redrawn line on a terminal, otherwise nothing.",
      valueName: "style"))
  var progress = ProgressStyle.auto

  func run() async throws {
    // Programs that read the document find remarks in it; people get them as text.
    let console = Console(isQuiet: quiet)
    try await console.report("merge", isJSON: json) {
      // Nothing is written before there is a plan, so until then a signal simply ends the process,
      // which may be waiting for the text of the recipe.
      let plan = try recipe.plan()
      let run = MergeRun(
        plan: plan, output: output,
        options: resources.options(
          overwrites: overwrite, allowsNonFinite: allowNonFinite, synchronizes: !skipsSync),
        style: quiet ? .none : progress, console: console)
      let report = MergeReport(plan, try await run.summary())
      if !json {
        console.note(report.remarks)
        console.note(report.text)
      }
      return CommandResult(text: nil, members: report.members, diagnostics: report.remarks)
    }
  }
}
