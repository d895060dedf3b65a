import ArgumentParser
import Foundation

/// `Benchmarks guard`: fails when something has become slower than it may be.
struct GuardCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guard",
    abstract: "Hold loops and merges against copies of memory, and the memory of merges.",
    discussion: """
      Each loop is timed in turn with a copy of as many bytes, and the fastest runs are compared: \
      the ratio hardly depends on what else the machine does. One that is too slow is measured \
      again, longer, before it counts. The memory of merges is held against that of merges of a \
      quarter of the tensors: it must not grow.
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
    measured += try MergeMemory.growth()
    let file = URL(fileURLWithPath: thresholds)
    if update {
      try Data(GuardThresholds(measured, headroom: headroom).text.utf8).write(to: file)
    }
    let limits = try GuardThresholds(parsing: String(contentsOf: file, encoding: .utf8))
    try await Self.repeatSlow(&measured, limits)
    var verdict = GuardVerdict(measured, limits)
    verdict.add(
      "the guard itself: a loop that does its work too often is found",
      isGood: Self.findsSlowLoop(measured, limits))
    print(verdict.text)
    if verdict.failed > 0 { throw ExitCode.failure }
  }

  /// Whether one more fault is found when the first loop does its work so often that it must be too
  /// slow.
  private static func findsSlowLoop(
    _ measured: [GuardMeasurement], _ limits: GuardThresholds
  ) -> Bool {
    guard let first = measured.first, let limit = limits[first.name], first.ratio <= limit else {
      return false
    }
    var slowed = measured
    KernelBenchmark.forEach { name, byteCount, body in
      guard name == first.name else { return }
      let rounds = Int(2 * limit / first.ratio) + 2
      slowed[0].ratio =
        Stopwatch.copies(
          of: { for _ in 0..<rounds { body() } }, byteCount: byteCount, runs: 300
        ).ratio
    }
    return GuardVerdict(slowed, limits).failed == GuardVerdict(measured, limits).failed + 1
  }

  /// Measures once more what was too slow; the better of both counts.
  private static func repeatSlow(
    _ measured: inout [GuardMeasurement], _ limits: GuardThresholds
  ) async throws {
    let slow = Set(
      measured.filter { $0.yardstick == .copy && $0.ratio > limits[$0.name] ?? 0 }.map(\.name))
    guard !slow.isEmpty else { return }
    var again = kernels(runs: 3000) { slow.contains($0) }
    if !slow.isDisjoint(with: mergeNames) { again += try await merges(runs: 15) }
    for one in again {
      guard let place = measured.firstIndex(where: { $0.name == one.name }) else { continue }
      measured[place].ratio = min(measured[place].ratio, one.ratio)
    }
  }

  private static func kernels(
    runs: Int, where isWanted: (String) -> Bool
  ) -> [GuardMeasurement] {
    var measured: [GuardMeasurement] = []
    KernelBenchmark.forEach { name, byteCount, body in
      guard isWanted(name) else { return }
      let ratio = Stopwatch.copies(of: body, byteCount: byteCount, runs: runs).ratio
      measured.append(GuardMeasurement(name: name, ratio: ratio))
    }
    return measured
  }

  private static let mergeNames = [
    "merge: linear of 2", "merge: ties of 3", "extraction: rank 32",
  ]

  private static func merges(runs: Int) async throws -> [GuardMeasurement] {
    let cost = try MergeCost()
    let measured = [
      GuardMeasurement(name: mergeNames[0], ratio: try await cost.linear(runs: runs)),
      GuardMeasurement(name: mergeNames[1], ratio: try await cost.ties(runs: runs)),
      GuardMeasurement(name: mergeNames[2], ratio: try await cost.extraction(runs: runs)),
    ]
    try cost.remove()
    return measured
  }
}
