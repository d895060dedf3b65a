import ArgumentParser
import Foundation
import Sinter
import SinterTensors

/// `Benchmarks speed`: the throughput of loops and methods in memory.
struct SpeedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "speed", abstract: "Print how fast loops and methods are, beside plain copies.")

  func run() throws {
    print("| loop | GB/s | memcpy, GB/s | times memcpy |")
    print("|---|---|---|---|")
    KernelBenchmark.forEach { name, byteCount, body in
      let (ratio, seconds) = Stopwatch.copies(of: body, byteCount: byteCount, runs: 200)
      let speed = Double(byteCount) / seconds / 1e9
      let numbers = [speed, speed * ratio, ratio].map { String(format: "%.1f", $0) }
      print("| \(name) | \(numbers.joined(separator: " | ")) |")
    }
    print("")
    let copy = Self.copiedElementsPerSecond()
    print("| method | M elements/s | of a copy |")
    print("|---|---|---|")
    for method in MethodRegistry.builtIn.methods {
      let result = try MethodBenchmark(method)
      Self.row(result.declaration.name, result.elementsPerSecond, copy)
    }
    Self.row("(plain copy)", copy, copy)
  }

  /// The output elements per second when three models, a base and the output, all bfloat16, are
  /// only copied.
  private static func copiedElementsPerSecond() -> Double {
    let count = MethodBenchmark.shape.elementCount
    let source = [UInt16](repeating: 1, count: 5 * count)
    var target = [UInt16](repeating: 0, count: 5 * count)
    let seconds = Stopwatch.seconds {
      var output = target.mutableSpan
      let input = source.span
      for i in 0..<output.count { output[i] = input[i] }
    }
    return Double(count) / seconds
  }

  private static func row(_ name: String, _ elementsPerSecond: Double, _ copy: Double) {
    let millions = Int(elementsPerSecond / 1e6)
    let percent = (1000 * elementsPerSecond / copy).rounded() / 10
    print("| \(name) | \(millions) | \(percent) % |")
  }
}
