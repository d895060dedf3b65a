import ArgumentParser
import Foundation

/// `Benchmarks guard`: fails when something has become slower than it may be.
struct GuardCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guard",
    abstract: "Hold loops and merges against copies of memory in the same process.",
    discussion: """
      Each loop is timed in turn with a copy of as many bytes, and the fastest runs are compared: \
      the ratio hardly depends on what else the machine does. One that is too slow is measured \
      again, longer, before it counts.
      """)

  @Argument(help: "The file with the thresholds, such as guard.txt.")
  var thresholds: String
  @Flag(help: "Write new thresholds into the file, above what is measured.")
  var update = false
  @Option(help: "By which factor they lie above it.")
  var headroom = 2.0

  func run() async throws {
    var measured = Self.kernels(runs: 300) { _ in true }
    measured += try await Self.merges(runs: 5)
    let file = URL(fileURLWithPath: thresholds)
    if update {
      try Data(GuardThresholds(measured, headroom: headroom).text.utf8).write(to: file)
    }
    let limits = try GuardThresholds(parsing: String(contentsOf: file, encoding: .utf8))
    try await Self.repeatSlow(&measured, limits)
    var verdict = GuardVerdict(measured, limits)
    verdict.add(
      "the guard itself, with thresholds of 0",
      isGood: GuardVerdict(measured, limits.impossible).failed == measured.count)
    print(verdict.text)
    if verdict.failed > 0 { throw ExitCode.failure }
  }

  /// Measures once more what was too slow; the better of both counts.
  private static func repeatSlow(
    _ measured: inout [(name: String, ratio: Double)], _ limits: GuardThresholds
  ) async throws {
    let slow = Set(measured.filter { $0.ratio > limits[$0.name] ?? 0 }.map(\.name))
    guard !slow.isEmpty else { return }
    var again = kernels(runs: 3000) { slow.contains($0) }
    if !slow.isDisjoint(with: mergeNames) { again += try await merges(runs: 15) }
    for (name, ratio) in again {
      guard let place = measured.firstIndex(where: { $0.name == name }) else { continue }
      measured[place].ratio = min(measured[place].ratio, ratio)
    }
  }

  private static func kernels(
    runs: Int, where isWanted: (String) -> Bool
  ) -> [(name: String, ratio: Double)] {
    var measured: [(name: String, ratio: Double)] = []
    KernelBenchmark.forEach { name, byteCount, body in
      guard isWanted(name) else { return }
      measured.append((name, Stopwatch.copies(of: body, byteCount: byteCount, runs: runs).ratio))
    }
    return measured
  }

  private static let mergeNames = ["merge: linear of 2", "merge: ties of 3"]

  private static func merges(runs: Int) async throws -> [(name: String, ratio: Double)] {
    let cost = try MergeCost()
    let measured = [
      (mergeNames[0], try await cost.linear(runs: runs)),
      (mergeNames[1], try await cost.ties(runs: runs)),
    ]
    try cost.remove()
    return measured
  }
}
