import Foundation

/// Runs merges in processes of their own, over models that it makes where they are not there yet.
struct ScalingTrial {
  let folder: String
  let repetitions: Int

  /// Writes a base and a fine-tune of each size that is asked for and not there.
  func prepare(_ sizes: [ModelSize]) async throws {
    let weights = SyntheticWeights(seed: 1)
    for size in sizes {
      let missing = (0...1).filter { !FileManager.default.fileExists(atPath: path(size, $0)) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in missing {
          let model = SyntheticModel(size: size, number: number, weights: weights)
          group.addTask {
            // Under its name only when complete.
            try model.write(to: path(size, number) + ".new")
            try FileManager.default.moveItem(
              atPath: path(size, number) + ".new", toPath: path(size, number))
          }
        }
        try await group.waitForAll()
      }
    }
  }

  /// Measures one merge; models beyond the two that there are are the same files named again.
  func measure(
    _ axis: ScalingPoint.Axis, _ method: String, _ size: ModelSize, models: Int, threads: Int
  ) throws -> ScalingPoint {
    let recipe = "\(folder)/scaling.yml"
    try Data(try text(method, size, models).utf8).write(to: URL(fileURLWithPath: recipe))
    // The first run brings the files into the page cache and does not count.
    let runs = try (0...repetitions).map { _ in
      try MergeProcess.run(recipe, into: "\(folder)/scaling-out", threads: threads)
    }.dropFirst()
    let seconds = runs.map(\.seconds).sorted()
    return ScalingPoint(
      axis: axis, method: method, size: size, models: models, threads: threads,
      seconds: seconds[seconds.count / 2], peakMiB: runs.map(\.peakMiB).max() ?? 0)
  }

  private func path(_ size: ModelSize, _ number: Int) -> String {
    "\(folder)/\(size.rawValue)/\(SyntheticModel.name(number))"
  }

  private func text(_ method: String, _ size: ModelSize, _ models: Int) throws -> String {
    let hasBase = method == "ties"
    let list = try (0..<models).map { model in
      let own = try link(size, hasBase || model % 2 == 1 ? 1 : 0, as: model)
      return "  - {model: \(own), parameters: {weight: 0.5}}"
    }
    return
      (["merge_method: \(method)"] + (hasBase ? ["base_model: \(path(size, 0))"] : [])
      + ["models:"] + list + (hasBase ? ["parameters: {density: 0.5}"] : [])
      + ["dtype: bfloat16", ""]).joined(separator: "\n")
  }

  /// Another name for a model: a recipe lists each once.
  private func link(_ size: ModelSize, _ number: Int, as place: Int) throws -> String {
    let links = "\(folder)/scaling-links"
    try FileManager.default.createDirectory(atPath: links, withIntermediateDirectories: true)
    let link = "\(links)/\(size.rawValue)-\(SyntheticModel.name(number))-\(place)"
    if !FileManager.default.fileExists(atPath: link) {
      try FileManager.default.createSymbolicLink(
        atPath: link, withDestinationPath: path(size, number))
    }
    return link
  }
}
