import Foundation

/// A merge in a process of its own, so that its memory is not that of what was done before.
enum MergeProcess {
  /// Runs `Benchmarks merge`, and removes the output.
  ///
  /// - Parameters:
  ///   - recipe: the path of the recipe.
  ///   - out: the output folder, removed before and after.
  ///   - threads: the number of threads.
  /// - Returns: the seconds that it took, and its largest resident memory.
  /// - Throws: ``Failure`` when the merge fails; what keeps it from being run.
  static func run(
    _ recipe: String, into out: String, threads: Int
  ) throws -> (seconds: Double, peakMiB: Double) {
    if FileManager.default.fileExists(atPath: out) {
      try FileManager.default.removeItem(atPath: out)
    }
    let process = Process()
    process.executableURL = Bundle.main.executableURL
    process.arguments = ["merge", recipe, out, "--threads", "\(threads)"]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    let numbers = String(decoding: output, as: UTF8.self).split(separator: " ")
      .compactMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    guard process.terminationStatus == 0, numbers.count == 2 else {
      throw Failure(description: "the merge of '\(recipe)' failed")
    }
    try FileManager.default.removeItem(atPath: out)
    return (numbers[0], numbers[1])
  }

  /// A merge ended with an error, which it has told itself.
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }
}
