import ArgumentParser
import Foundation

/// `Benchmarks planning`: how long it takes from a recipe to its plan.
struct PlanningCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "planning", abstract: "Time the planning of merges of very many tensors.")

  @Option(help: "How many models are merged, the base included.")
  var models = 10
  @Option(help: "How many runs; the fastest counts.")
  var runs = 5

  func run() throws {
    var last = 0.0
    print("| tensors | models | seconds |")
    print("|---|---|---|")
    for layers in [1, 13, 51] {
      let benchmark = try PlanningBenchmark(models: models, layers: layers, experts: 128)
      let seconds = try benchmark.seconds(runs: runs)
      print("| \(benchmark.tensorCount) | \(models) | \(String(format: "%.3f", seconds)) |")
      try benchmark.remove()
      last = seconds
    }
    var verdict = GuardVerdict()
    verdict.add("some 20,000 tensors of \(models) models: below a second", isGood: last < 1)
    print("\n\(verdict.text)")
    if verdict.failed > 0 { throw ExitCode.failure }
  }
}
