import ArgumentParser
import Foundation
import Sinter

/// `sinter adapter extract`: makes an adapter of the difference of two models.
struct AdapterExtractCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "extract",
    abstract: "Make a LoRA adapter of what a fine-tuned model adds to its base.",
    discussion: """
      The difference of each matrix becomes two factors of low rank; the error that they leave is \
      reported, per module with --json. What differs and is no matrix, such as a norm, is stored \
      whole. The adapter is in the form of PEFT.

        sinter adapter extract finetuned base adapter --rank 32
        sinter adapter extract finetuned base adapter --energy 0.99 --exclude lm_head
      """)

  @Argument(help: "The fine-tuned model: a folder or a safetensors file.", completion: .directory)
  var finetuned: String

  @Argument(help: "The model that it was made from.", completion: .directory)
  var base: String

  @Argument(help: "The folder to make.", completion: .directory)
  var output: String

  @Option(help: ArgumentHelp("The rank, or with --energy the largest one.", valueName: "n"))
  var rank: Int?

  @Option(
    help: ArgumentHelp(
      """
      The part of each difference's squared Frobenius norm to keep, such as 0.99; the ranks \
      follow from it.
      """, valueName: "part"))
  var energy: Double?

  @Option(
    help: ArgumentHelp(
      "Take only modules in whose names this regular expression is found; may be repeated.",
      valueName: "pattern"))
  var include: [String] = []

  @Option(
    help: ArgumentHelp(
      "Leave out modules in whose names this regular expression is found; may be repeated.",
      valueName: "pattern"))
  var exclude: [String] = []

  @Option(
    help: ArgumentHelp(
      "Store modules whole in whose names this regular expression is found; may be repeated.",
      valueName: "pattern"))
  var saveModule: [String] = []

  @Option(
    help: ArgumentHelp("The element type of the factors. (default: float32)", valueName: "name"))
  var dtype: OutputType?

  @OptionGroup var making: NewAdapterArguments

  func validate() throws {
    guard rank != nil || energy != nil else {
      throw ValidationError("one of --rank and --energy is needed, such as --rank 32")
    }
    try NewAdapterArguments.check(rank: rank, energy: energy, dtype: dtype)
  }

  func run() async throws {
    let output = output
    try await making.run("adapter-extract", activity: "extracting", plan) { plan, progress in
      ExtractionReport(
        try await AdapterExtraction(plan: plan, progress: progress).run(into: output))
    }
  }

  /// Opens the models and makes the plan; the faults of both models are told together.
  private func plan() throws(DiagnosticError) -> ExtractionPlan {
    var models: [Checkpoint] = []
    var faults: [DiagnosticError] = []
    for path in [finetuned, base] {
      do throws(DiagnosticError) {
        let resolver = LocalModelResolver(recipeFile: nil)
        models.append(
          try CheckpointReader.open(try resolver.resolve(ModelReference(path: path))))
      } catch {
        faults.append(error)
      }
    }
    guard faults.isEmpty else { throw DiagnosticError(joining: faults) }
    var options = ExtractionOptions(rank: rank, energy: energy)
    options.included = include
    options.excluded = exclude
    options.savedWhole = saveModule
    options.dtype = (dtype ?? .float32).dtype
    options.seed = making.seed
    let execution = making.execution
    options.threads = execution.threads
    options.memory = execution.memory
    options.overwrites = execution.overwrites
    return try ExtractionPlan(finetuned: models[0], base: models[1], options: options)
  }
}
