import ArgumentParser
import Foundation
import Sinter

/// `Benchmarks merge`: one merge, which tells its time and memory; for `Benchmarks scaling`.
struct MergeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", abstract: "Run one merge; print its seconds and its peak memory in MiB.",
    shouldDisplay: false)

  @Argument var recipe: String
  @Argument var out: String
  @Option var threads: Int

  func run() async throws {
    let text = try String(contentsOf: URL(fileURLWithPath: recipe), encoding: .utf8)
    let start = ContinuousClock.now
    let read = try MergeRecipe.read(
      text: text, file: recipe, methods: MethodRegistry.builtIn.declarations)
    let plan = try MergePlanner(resolver: LocalModelResolver(recipeFile: recipe)).plan(read)
    // The speed of the disk is not what is measured.
    let options = ExecutionOptions(threads: threads, synchronizes: false)
    _ = try await MergeExecutor(plan: plan, options: options).run(into: out)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    print(seconds, ProcessUsage.now.peakMiB)
  }
}
