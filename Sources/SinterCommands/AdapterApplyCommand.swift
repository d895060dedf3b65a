import ArgumentParser
import Safetensors
import Sinter

/// `sinter adapter apply`: writes a model with adapters merged into its weights.
struct AdapterApplyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Merge adapters into the weights of their base model.",
    usage: "sinter adapter apply [<options>] <base> <adapter>[:<weight>] ... <output>",
    discussion: """
      Reads LoRA adapters of PEFT and of MLX. Every tensor of an adapter must be consumed and every \
      update must reach a tensor of the model, or nothing is written. Several adapters add up: each \
      counts as the difference that it makes alone, times its weight. The output has the base's \
      names, dtype and other files; it is built in OUTPUT.partial and takes its name only when it \
      is complete.

        sinter adapter apply models/base adapters/chat merged
        sinter adapter apply models/base adapters/chat:0.7 adapters/code:0.5 merged
      """)

  @Argument(
    help: ArgumentHelp("The folder of the base model.", valueName: "base"),
    completion: .directory)
  var base: String

  @Argument(
    help: ArgumentHelp(
      """
      The folders of the adapters, each perhaps with a colon and a weight (1 when there is none), \
      and at the end the folder to make.
      """, valueName: "adapter ... output"),
    completion: .directory)
  var adaptersAndOutput: [String]

  @Option(
    help: ArgumentHelp(
      "The element type of the output's tensors. (default: that of the base)", valueName: "name"))
  var dtype: OutputType?

  @Option(
    help: ArgumentHelp(
      "The largest weight file, such as 2GB or 512MiB. (default: 5GB)", valueName: "size"),
    transform: ByteSize.init(parsing:))
  var shardSize = ByteSize(5_000_000_000, "5GB")

  @Flag(
    help: ArgumentHelp(
      """
      When adapters change only one use of a matrix that the model ties, its embedding or its \
      output head, write both and say so in the configuration. (default: refuse)
      """))
  var untie = false

  @OptionGroup var resources: ResourceArguments

  @OptionGroup var result: MergeOutputArguments

  func validate() throws {
    guard adaptersAndOutput.count >= 2 else {
      throw ValidationError("name the base, at least one adapter, and the folder to make")
    }
  }

  func run() async throws {
    let console = Console(isQuiet: result.quiet)
    try await console.report("adapter-apply", isJSON: result.json) {
      try await result.run(
        try plan(), into: adaptersAndOutput[adaptersAndOutput.count - 1], resources, console,
        verb: "wrote")
    }
  }

  /// The plan of the recipe that says the same.
  private func plan() throws(DiagnosticError) -> MergePlan {
    let adapters = adaptersAndOutput.dropLast().map(AdapterArgument.init)
    let registry = SinterProgram.methods
    let planner = MergePlanner(
      registry: registry, resolver: LocalModelResolver(recipeFile: nil),
      options: PlanOptions(
        dtype: dtype?.dtype, shardSize: shardSize.byteCount, ties: untie ? .untie : .refuse))
    do throws(DiagnosticError) {
      return try planner.plan(
        try MergeRecipe.read(
          text: Self.recipe(base, adapters), file: ArgumentRecipe.name,
          methods: registry.declarations))
    } catch {
      throw ArgumentRecipe.withoutPlaces(error)
    }
  }

  private static func recipe(_ base: String, _ adapters: [AdapterArgument]) -> String {
    let lines = adapters.map { adapter in
      let weight = adapter.weight.map { ", weight: \($0)" } ?? ""
      return "        - {path: \(ArgumentRecipe.quoted(adapter.path))\(weight)}"
    }
    return """
      merge_method: passthrough
      models:
        - model:
            model: {path: \(ArgumentRecipe.quoted(base))}
            adapters:
      \(lines.joined(separator: "\n"))

      """
  }
}
