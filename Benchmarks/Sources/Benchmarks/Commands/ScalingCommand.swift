import ArgumentParser
import Foundation

/// `Benchmarks scaling`: how time and memory grow with models, their number and threads.
struct ScalingCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scaling",
    abstract: "Measure how merges grow, and plot it.",
    discussion: """
      Merges two synthetic models, a base and a fine-tune, which are made where they are not there; \
      more models are the same files named again. Files are in the page cache; 3B needs some 20 GB \
      of memory for that, and of disk.
      """)

  @Option(help: "The folder for models and outputs; models in it are used again.")
  var work: String
  @Option(help: "Where the plots go, such as ../Sources/Sinter/Sinter.docc/Resources.")
  var plots: String
  @Option(help: "The name of the table without '.csv' and '.md', such as Runs/2026-11-21-scaling.")
  var table: String
  @Option(help: "How many runs of each merge, of which the median counts.")
  var repetitions = 3
  @Option(parsing: .upToNextOption, help: "The sizes of models.")
  var sizes: [ModelSize] = ModelSize.allCases
  @Option(help: "The size of the models when their number or threads are varied.")
  var size = ModelSize.one

  func run() async throws {
    let trial = ScalingTrial(
      folder: URL(fileURLWithPath: work).standardizedFileURL.path, repetitions: repetitions)
    try await trial.prepare(sizes + [size])
    let cores = ProcessInfo.processInfo.activeProcessorCount
    var points: [ScalingPoint] = []
    func measure(
      _ axis: ScalingPoint.Axis, _ method: String, _ size: ModelSize, _ models: Int, _ threads: Int
    ) throws {
      let point = try trial.measure(axis, method, size, models: models, threads: threads)
      print(point.line)
      points.append(point)
    }
    for method in ["linear", "ties"] {
      let models = method == "linear" ? 2 : 3
      for size in sizes { try measure(.size, method, size, models, cores) }
      for threads in Self.powers(upTo: cores) {
        try measure(.threads, method, size, models, threads)
      }
    }
    for models in [2, 4, 8, 16, 32] { try measure(.models, "linear", size, models, cores) }
    let report = ScalingReport(points: points)
    var verdict = GuardVerdict()
    for (method, peaks) in report.largePeaks {
      let numbers = peaks.map { String(format: "%.1f", $0) }.joined(separator: ", ")
      let isGood = (peaks.max() ?? 0) <= 1.1 * (peaks.min() ?? 0)
      verdict.add("\(method): peaks of \(numbers) MiB, within 10 %", isGood: isGood)
    }
    print(verdict.text)
    try report.draw(into: plots)
    try Data(report.lines.utf8).write(to: URL(fileURLWithPath: table + ".csv"))
    try Data((heading(cores) + report.table + "\n```\n\(verdict.text)\n```\n").utf8)
      .write(to: URL(fileURLWithPath: table + ".md"))
    if verdict.failed > 0 { throw ExitCode.failure }
  }

  private static func powers(upTo cores: Int) -> [Int] {
    (0..<12).map { 1 << $0 }.filter { $0 <= cores }
  }

  private func heading(_ cores: Int) -> String {
    """
    # Scaling

    `Benchmarks scaling`, \(cores) cores; medians of \(repetitions) runs, inputs in the page cache. \
    Linear merges a base and a fine-tune, in turn where there are more than two models; ties merges \
    the fine-tune, named three times, into the base.


    """
  }
}
