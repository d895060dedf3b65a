import Foundation
import SinterTensors

@testable import Sinter

/// Checkpoints, recipes and outputs of one test, in a folder of its own.
struct TestMerge {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// Writes a model of one file, with a configuration unless it is `nil`.
  func model(_ name: String, _ tensors: [TestTensor], config: String? = #"{"model_type": "test"}"#)
    throws
  {
    try FileManager.default.createDirectory(
      atPath: folder.appending(name), withIntermediateDirectories: true)
    try TestTensor.write(tensors, to: folder.appending("\(name)/model.safetensors"))
    if let config { try folder.write(config, to: "\(name)/config.json") }
  }

  /// Plans a recipe whose relative paths are those of the folder.
  func plan(
    _ text: String, options: PlanOptions = PlanOptions(), registry: MethodRegistry = .builtIn
  ) throws -> MergePlan {
    let recipe = try MergeRecipe.read(
      text: text, file: folder.appending("recipe.yml"), methods: registry.declarations)
    return try MergePlanner(
      registry: registry,
      resolver: LocalModelResolver(recipeFile: folder.appending("recipe.yml")), options: options
    ).plan(recipe)
  }

  /// The texts of the faults of a recipe that cannot be planned, without the folder's path.
  func faults(_ text: String, options: PlanOptions = PlanOptions()) -> [String] {
    do {
      _ = try plan(text, options: options)
      return []
    } catch let error as DiagnosticError {
      return error.diagnostics.map {
        $0.description.replacingOccurrences(of: folder.path + "/", with: "")
      }
    } catch {
      return ["\(error)"]
    }
  }

  /// Runs a recipe and reads what came out, in the order of the files.
  @discardableResult
  func run(
    _ text: String, options: PlanOptions = PlanOptions(),
    execution: ExecutionOptions = ExecutionOptions(threads: 2, overwrites: true),
    output: String = "out", registry: MethodRegistry = .builtIn
  ) async throws -> [TestTensor] {
    let plan = try plan(text, options: options, registry: registry)
    _ = try await MergeExecutor(plan: plan, options: execution).run(
      into: folder.appending(output))
    return try plan.shards.flatMap { shard in
      try TestTensor.read(folder.appending("\(output)/\(shard.fileName)"))
    }
  }
}
