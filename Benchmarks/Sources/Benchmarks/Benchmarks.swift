import Sinter
import SinterTensors

/// Prints measurements as Markdown tables.
///
/// `swift run -c release Benchmarks speed` gives the throughput of the loops that merges are made
/// of, and of every merge method beside that of a plain copy of the same bytes;
/// `swift run -c release Benchmarks accuracy` how far the results of each method lie from float64.
/// `swift run -c release Benchmarks pictures FOLDER` draws the pictures of the documentation.
@main
struct Benchmarks {
  static func main() async throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    switch arguments.first {
    case "speed" where arguments.count == 1:
      try printSpeed()
    case "accuracy" where arguments.count == 1:
      let table = try AccuracyTable()
      try await table.printRows()
      try table.remove()
    case "pictures" where arguments.count == 2:
      try MethodPictures.write(to: arguments[1])
    default:
      print("usage: Benchmarks speed | accuracy | pictures FOLDER")
    }
  }

  private static func printSpeed() throws {
    print("| loop | M elements/s |")
    print("|---|---|")
    for kernel in KernelBenchmark.all() {
      print("| \(kernel.name) | \(Int(kernel.elementsPerSecond / 1e6)) |")
    }
    print("")
    let copy = copiedElementsPerSecond()
    print("| method | M elements/s | of a copy |")
    print("|---|---|---|")
    for method in MethodRegistry.builtIn.methods {
      let result = try MethodBenchmark(method)
      row(result.declaration.name, result.elementsPerSecond, copy)
    }
    row("(plain copy)", copy, copy)
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
