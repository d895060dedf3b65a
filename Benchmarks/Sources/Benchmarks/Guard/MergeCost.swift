import Foundation
import Sinter

/// What a whole merge costs: the processor time of its own code beside that of a copy in memory of
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

  /// A cheap one of some runs over the fastest copy. The system's share, such as that of writing,
  /// is left out: it depends on the machine's disk.
  private func ratio(_ text: String, inputs: Int, runs: Int) async throws -> Double {
    let recipe = try MergeRecipe.read(
      text: text, file: "recipe.yml", methods: MethodRegistry.builtIn.declarations)
    let plan = try MergePlanner(resolver: LocalModelResolver(recipeFile: nil)).plan(recipe)
    var copy = MemoryCopy(byteCount: 2 * models.elementCount * (inputs + 1))
    let out = models.folder.appendingPathComponent("out").path
    var spent: [Double] = []
    for _ in 0..<runs {
      let before = ProcessUsage.now.userSeconds
      _ = try await MergeExecutor(
        plan: plan, options: ExecutionOptions(threads: 1, overwrites: true)
      ).run(into: out)
      spent.append(ProcessUsage.now.userSeconds - before)
    }
    // The clock of processor time ticks slowly, so the least says little; but what else the machine
    // does takes caches away and makes runs dearer, so the median says too much.
    let cheap = spent.sorted()[runs / 4]
    return cheap / Stopwatch.seconds(runs: 10) { copy.run() }
  }
}
