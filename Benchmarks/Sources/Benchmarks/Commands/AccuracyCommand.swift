import ArgumentParser

/// `Benchmarks accuracy`: the error of each method.
struct AccuracyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "accuracy",
    abstract: "Print how far the results of each method lie from float64.")

  func run() async throws {
    let table = try AccuracyTable()
    try await table.printRows()
    try table.remove()
  }
}
