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

  @Option(
    help: ArgumentHelp(
      "The key of all that is random; the same seed gives the same bytes.", valueName: "n"))
  var seed: UInt64 = 0

  @OptionGroup var resources: ResourceArguments

  @Flag(help: "Replace OUTPUT when it is an earlier output of Sinter. (default: refuse)")
  var overwrite = false

  @Flag(help: "Print one JSON document on standard output, errors too.")
  var json = false

  @OptionGroup var display: ProgressArguments

  func validate() throws {
    guard rank != nil || energy != nil else {
      throw ValidationError("one of --rank and --energy is needed, such as --rank 32")
    }
    if let rank, rank < 1 {
      throw ValidationError("--rank takes a number from 1, found \(rank)")
    }
    if let energy, !(energy > 0 && energy <= 1) {
      throw ValidationError("--energy takes a number above 0 and up to 1, found \(energy)")
    }
    if dtype == .float64 {
      throw ValidationError("--dtype of an adapter is float32, bfloat16 or float16")
    }
  }

  func run() async throws {
    let console = Console(isQuiet: display.quiet)
    try await console.report("adapter-extract", isJSON: json) {
      let plan = try plan()
      let output = output
      let counter = ProgressCounter()
      let progress = ProgressDisplay(
        style: display.style, console: console, counter: counter, activity: "extracting")
      let report = ExtractionReport(
        try await Interruption.cancelling {
          try await progress.showing {
            try await AdapterExtraction(plan: plan, progress: counter).run(into: output)
          }
        })
      if !json {
        console.note(report.remarks)
        console.note(report.text)
      }
      return CommandResult(text: nil, members: report.members, diagnostics: report.remarks)
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
    options.seed = seed
    let execution = resources.options(overwrites: overwrite)
    options.threads = execution.threads
    options.memory = execution.memory
    options.overwrites = execution.overwrites
    return try ExtractionPlan(finetuned: models[0], base: models[1], options: options)
  }
}
