import ArgumentParser

/// `Benchmarks models`: writes a base model and fine-tunes of it.
struct ModelsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "Write synthetic checkpoints: a base and its fine-tunes.")

  @Option(help: "The size of each: 0.1B, 1.1B or 3B parameters, of two bytes each.")
  var size: ModelSize
  @Option(help: "The folder in which the folders 'base', 'a', 'b', ... are written.")
  var out: String
  @Option(help: "How many fine-tunes.")
  var fineTunes = 3
  @Option(help: "Other numbers come with another seed.")
  var seed: UInt64 = 1

  func run() async throws {
    let weights = SyntheticWeights(seed: seed)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0...fineTunes {
        let model = SyntheticModel(size: size, number: number, weights: weights)
        group.addTask { try model.write(to: "\(out)/\(SyntheticModel.name(number))") }
      }
      try await group.waitForAll()
    }
  }
}
