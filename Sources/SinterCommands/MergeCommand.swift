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

  @OptionGroup var result: MergeOutputArguments

  func run() async throws {
    let console = Console(isQuiet: result.quiet)
    try await console.report("merge", isJSON: result.json) {
      // Nothing is written before there is a plan, so until then a signal simply ends the process,
      // which may be waiting for the text of the recipe.
      try await result.run(try recipe.plan(), into: output, resources, console)
    }
  }
}
