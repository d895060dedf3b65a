import ArgumentParser
import Sinter

/// `sinter plan`: tells what a merge would do.
struct PlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show what a recipe would read, merge, copy and write.",
    discussion: """
      Reads headers and small files, and of adapters what shows that they change something. \
      Tensors that differ in nothing but layer numbers share a line, with a star for the number \
      and first…last for the values of a gradient.

        sinter plan recipe.yml
        sinter plan --all recipe.yml
        sinter plan --json - < recipe.yml
      """)

  @OptionGroup var recipe: RecipeArguments
  @OptionGroup var resources: ResourceArguments

  @Flag(help: "Give every tensor a line of its own.")
  var all = false

  @Flag(help: "Print one JSON document with every tensor, errors too.")
  var json = false

  func run() async throws {
    try await Console().report("plan", isJSON: json) {
      let plan = try recipe.plan()
      let budget = try ExecutionBudget(plan, options: resources.options())
      return CommandResult(
        text: PlanReport(plan, budget: budget, listsAll: all).text,
        members: PlanDocument(plan, budget: budget).members, diagnostics: plan.remarks)
    }
  }
}
