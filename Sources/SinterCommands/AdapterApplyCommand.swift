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

  func validate() throws {
    guard adaptersAndOutput.count >= 2 else {
      throw ValidationError("name the base, at least one adapter, and the folder to make")
    }
  }

  func run() async throws {
    let console = Console(isQuiet: quiet)
    try await console.report("adapter-apply", isJSON: json) {
      let plan = try plan()
      let run = MergeRun(
        plan: plan, output: adaptersAndOutput[adaptersAndOutput.count - 1],
        options: resources.options(
          overwrites: overwrite, allowsNonFinite: allowNonFinite, synchronizes: !skipsSync),
        style: quiet ? .none : progress, console: console)
      let report = MergeReport(plan, try await run.summary(), verb: "wrote")
      if !json {
        console.note(report.remarks)
        console.note(report.text)
      }
      return CommandResult(text: nil, members: report.members, diagnostics: report.remarks)
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
          text: Self.recipe(base, adapters), file: Self.recipeName, methods: registry.declarations))
    } catch {
      // Nobody wrote this recipe: its lines and columns tell nothing.
      throw DiagnosticError(
        error.diagnostics.map { one in
          one.file == Self.recipeName
            ? Diagnostic(one.severity, one.message, hint: one.hint) : one
        }, kind: error.kind)
    }
  }

  private static let recipeName = "<arguments>"

  private static func recipe(_ base: String, _ adapters: [AdapterArgument]) -> String {
    func quoted(_ text: String) -> String {
      String(decoding: JSONText.string(text).encoded(), as: UTF8.self)
    }
    let lines = adapters.map { adapter in
      let weight = adapter.weight.map { ", weight: \($0)" } ?? ""
      return "        - {path: \(quoted(adapter.path))\(weight)}"
    }
    return """
      merge_method: passthrough
      models:
        - model:
            model: {path: \(quoted(base))}
            adapters:
      \(lines.joined(separator: "\n"))

      """
  }
}
