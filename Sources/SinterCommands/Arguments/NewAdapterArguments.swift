import ArgumentParser
import Safetensors
import Sinter

/// What a command that makes an adapter takes: the key of what is random, with how much of the
/// machine, what may be replaced, and what is printed.
struct NewAdapterArguments: ParsableArguments {
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

  /// The workers, the memory, and whether an output is replaced.
  var execution: ExecutionOptions { resources.options(overwrites: overwrite) }

  /// Finds fault with what factors are asked to be.
  static func check(
    rank: Int?, energy: Double?, dtype: OutputType?
  ) throws(ValidationError) {
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

  /// Makes an adapter, shows how far it has come, and tells what came out.
  ///
  /// - Parameters:
  ///   - command: the name of the command, which the document bears.
  ///   - activity: what is done to modules.
  ///   - plan: reads the arguments, recipes and headers; a signal ends the program at once.
  ///   - make: makes the adapter; a signal cancels the task that it runs in.
  /// - Throws: what ends the program with an error, told already.
  func run<Plan: Sendable, Report: NewAdapterReport>(
    _ command: String, activity: String, _ plan: () throws -> Plan,
    _ make: @escaping @Sendable (Plan, ProgressCounter) async throws -> Report
  ) async throws {
    let console = Console(isQuiet: display.quiet)
    let json = json
    let style = display.style
    try await console.report(command, isJSON: json) {
      let plan = try plan()
      let counter = ProgressCounter()
      let progress = ProgressDisplay(
        style: style, console: console, counter: counter, activity: activity)
      let report = try await Interruption.cancelling {
        try await progress.showing { try await make(plan, counter) }
      }
      if !json {
        console.note(report.remarks)
        console.note(report.text)
      }
      return CommandResult(text: nil, members: report.members, diagnostics: report.remarks)
    }
  }
}

/// What is told of an adapter that was made.
protocol NewAdapterReport: Sendable {
  /// What came up on the way.
  var remarks: [Diagnostic] { get }
  /// Some lines for people.
  var text: String { get }
  /// The members of a document for programs, in order.
  var members: [(key: String, value: JSONText)] { get }
}
