import ArgumentParser
import Safetensors
import Sinter

/// `sinter adapter combine`: makes one adapter of several.
struct AdapterCombineCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "combine",
    abstract: "Make one LoRA adapter of several, without their base.",
    usage: """
      sinter adapter combine [<options>] <adapter>[:<weight>] ... <output>
      sinter adapter combine [<options>] <recipe> <output>
      """,
    discussion: """
      Without options the factors are put side by side: the result is exactly the weighted sum of \
      the updates, and its rank the sum of their ranks, which may differ as their scales may. \
      --rank makes it smaller; the error that this leaves is reported, per module with --json. \
      The other methods merge the updates themselves and factor the result: linear, \
      task_arithmetic, ties, dare_linear, dare_ties, magnitude_prune, breadcrumbs, \
      breadcrumbs_ties, della_linear, della and knots. A recipe gives them all parameters that \
      they have for models. The adapter is in the form of PEFT.

        sinter adapter combine adapters/math:0.7 adapters/code:0.5 both
        sinter adapter combine adapters/math adapters/code both --rank 16
        sinter adapter combine adapters/math adapters/code both --method ties --density 0.5
        sinter adapter combine recipe.yml both
      """)

  @Argument(
    help: ArgumentHelp(
      """
      The folders of the adapters, each perhaps with a colon and a weight (1 when there is none), \
      or one recipe whose models are adapters; and at the end the folder to make.
      """, valueName: "adapter ... output"),
    completion: .directory)
  var adaptersAndOutput: [String]

  @Option(
    help: ArgumentHelp("How the updates become one. (default: concatenate)", valueName: "name"))
  var method: String?

  @Option(
    help: ArgumentHelp(
      "The share of each update that the method keeps, 0 to 1. (default: 1)", valueName: "part"))
  var density: Double?

  @Option(
    help: ArgumentHelp(
      "The largest rank of a module. (default: the sum of the ranks of its updates)",
      valueName: "n"))
  var rank: Int?

  @Option(
    help: ArgumentHelp(
      """
      The part of each combined update's squared Frobenius norm to keep, such as 0.99; the ranks \
      follow from it.
      """, valueName: "part"))
  var energy: Double?

  @Option(
    help: ArgumentHelp(
      "The element type of the factors. (default: what the recipe says, else float32)",
      valueName: "name"))
  var dtype: OutputType?

  @OptionGroup var making: NewAdapterArguments

  func validate() throws {
    guard adaptersAndOutput.count >= 2 else {
      throw ValidationError("name at least one adapter, or a recipe, and the folder to make")
    }
    try NewAdapterArguments.check(rank: rank, energy: energy, dtype: dtype)
    if let density, !(density >= 0 && density <= 1) {
      throw ValidationError("--density takes a number from 0 to 1, found \(density)")
    }
    if namesRecipe, method != nil || density != nil {
      throw ValidationError("--method and --density are for adapters: a recipe says them itself")
    }
    var seen = Set<String>()
    if let twice = adapters.first(where: { !seen.insert($0.path).inserted }) {
      throw ValidationError(
        "adapter '\(twice.path)' is named twice: name it once, with the whole weight")
    }
  }

  func run() async throws {
    let output = adaptersAndOutput[adaptersAndOutput.count - 1]
    try await making.run("adapter-combine", activity: "combining", plan) { plan, progress in
      CombinationReport(
        try await AdapterCombination(plan: plan, progress: progress).run(into: output))
    }
  }

  // MARK: Plan

  /// Whether the one input is a recipe: a file, or named like one.
  private var namesRecipe: Bool {
    guard adaptersAndOutput.count == 2 else { return false }
    let input = adaptersAndOutput[0]
    if input == "-" { return true }
    switch FileItem.kind(at: input) {
    case .folder?: return false
    case nil: return [".yml", ".yaml", ".json"].contains { input.hasSuffix($0) }
    default: return true
    }
  }

  private func plan() throws(DiagnosticError) -> CombinationPlan {
    let execution = making.execution
    let options = CombinationOptions(
      rank: rank, energy: energy, dtype: dtype?.dtype, seed: making.seed,
      threads: execution.threads, memory: execution.memory, overwrites: execution.overwrites)
    guard !namesRecipe else {
      let path = adaptersAndOutput[0]
      return try CombinationPlan(
        recipe: try MergeRecipe.read(
          text: RecipeText.read(path), file: path, methods: CombinationMethod.declarations),
        resolver: LocalModelResolver(recipeFile: path == "-" ? nil : path), options: options)
    }
    do throws(DiagnosticError) {
      return try CombinationPlan(
        recipe: try MergeRecipe.read(
          text: recipe, file: ArgumentRecipe.name, methods: CombinationMethod.declarations),
        resolver: LocalModelResolver(recipeFile: nil), options: options)
    } catch {
      throw ArgumentRecipe.withoutPlaces(error)
    }
  }

  private var adapters: [AdapterArgument] {
    adaptersAndOutput.dropLast().map(AdapterArgument.init)
  }

  /// The recipe that says what the arguments say.
  private var recipe: String {
    let entries = adapters.map { adapter in
      """
        - model: {model: {path: \(ArgumentRecipe.quoted(adapter.path))}}
          parameters: {weight: \(adapter.weight ?? 1)}
      """
    }
    let parameters = density.map { "parameters: {density: \($0)}\n" } ?? ""
    return """
      merge_method: \(ArgumentRecipe.quoted(method ?? "concatenate"))
      \(parameters)models:
      \(entries.joined(separator: "\n"))

      """
  }
}
