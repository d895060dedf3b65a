import Foundation
import Sinter

/// What a whole merge or extraction costs: the processor time of its own code beside that of a copy in memory of
/// all bytes that it reads and writes.
struct MergeCost {
  private let models: GuardModels

  /// Writes a base and three fine-tunes of some 17 million elements into a temporary folder.
  init() throws { models = try GuardModels(tensorCount: 4) }

  /// Removes the checkpoints and outputs.
  func remove() throws { try models.remove() }

  /// The average of two models.
  func linear(runs: Int) async throws -> Double {
    try await ratio(models.linear, inputs: 2, runs: runs)
  }

  /// The halves of three task vectors that agree.
  func ties(runs: Int) async throws -> Double {
    try await ratio(models.ties, inputs: 4, runs: runs)
  }

  /// An adapter of rank 32 of the difference of two models.
  func extraction(runs: Int) async throws -> Double {
    var options = ExtractionOptions(rank: 32)
    options.overwrites = true
    let plan = try ExtractionPlan(
      finetuned: CheckpointReader.open(models.path(1)), base: CheckpointReader.open(models.path(0)),
      options: options)
    return try await ratio(byteCount: 2 * models.elementCount * 2, runs: runs) { out in
      _ = try await AdapterExtraction(plan: plan).run(into: out)
    }
  }

  private func ratio(_ text: String, inputs: Int, runs: Int) async throws -> Double {
    let recipe = try MergeRecipe.read(
      text: text, file: "recipe.yml", methods: MethodRegistry.builtIn.declarations)
    let plan = try MergePlanner(resolver: LocalModelResolver(recipeFile: nil)).plan(recipe)
    return try await ratio(byteCount: 2 * models.elementCount * (inputs + 1), runs: runs) { out in
      _ = try await MergeExecutor(
        plan: plan, options: ExecutionOptions(threads: 1, overwrites: true)
      ).run(into: out)
    }
  }

  /// A cheap one of some runs over a cheap one of copies of as many bytes, made in between: what else
  /// the machine does meets both. The system's share, such as that of writing, is left out: it depends
  /// on the machine's disk.
  private func ratio(
    byteCount: Int, runs: Int, _ body: (_ out: String) async throws -> Void
  ) async throws -> Double {
    var copy = MemoryCopy(byteCount: byteCount)
    let out = models.folder.appendingPathComponent("out").path
    copy.run()
    var (spent, copied): ([Double], [Double]) = ([], [])
    for _ in 0..<runs {
      let start = ProcessUsage.now.userSeconds
      try await body(out)
      let middle = ProcessUsage.now.userSeconds
      for _ in 0..<Self.copies { copy.run() }
      spent.append(middle - start)
      copied.append((ProcessUsage.now.userSeconds - middle) / Double(Self.copies))
    }
    // The clock of processor time ticks slowly, so the least says little; but others take caches away
    // and make runs dearer, so the median says too much.
    return spent.sorted()[runs / 4] / copied.sorted()[runs / 4]
  }

  /// So many that they take about as long as a merge.
  private static let copies = 4
}
