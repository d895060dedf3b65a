import Foundation

/// What memory whole merges take, by the number of their tensors.
enum MergeMemory {
  /// Runs merges of four tensors and of sixteen, each in a process of its own.
  ///
  /// - Returns: for each method the memory of the larger merge as a multiple of that of the smaller.
  static func growth() throws -> [GuardMeasurement] {
    let models = (small: try GuardModels(tensorCount: 4), large: try GuardModels(tensorCount: 16))
    let recipes: [(name: String, text: KeyPath<GuardModels, String>)] = [
      ("linear of 2", \.linear), ("linear with an adapter", \.adapted), ("ties of 3", \.ties),
      ("ties of 3, as published", \.tiesOfPaper), ("dare_ties of 3", \.dare),
    ]
    let measured = try recipes.map { name, text in
      let peaks = try (small: peak(text, models.small), large: peak(text, models.large))
      return GuardMeasurement(
        name: "memory: \(name)", ratio: peaks.large / peaks.small, yardstick: .quarter)
    }
    try models.small.remove()
    try models.large.remove()
    return measured
  }

  private static func peak(
    _ text: KeyPath<GuardModels, String>, _ models: GuardModels
  ) throws -> Double {
    let recipe = models.folder.appendingPathComponent("recipe.yml")
    try Data(models[keyPath: text].utf8).write(to: recipe)
    let out = models.folder.appendingPathComponent("out").path
    // The threads of a run do not always meet: the middle of three says more than one.
    let peaks = try (0..<3).map { _ in
      try MergeProcess.run(recipe.path, into: out, threads: 2).peakMiB
    }
    return peaks.sorted()[1]
  }
}
