import Foundation
import SinterTensors

@testable import Sinter

/// The adapters that PEFT wrote, the model that they are for, and what they make of it.
enum AdapterFixtures {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures/Adapters").path

  static let cases = [
    "plain", "bfloat16", "root", "patterns", "layers", "dora", "transposed", "dora_transposed",
    "embedding", "dora_embedding", "convolution", "dora_convolution", "bias_all", "bias_targets",
    "bias_of_factor", "saved_modules", "tokens", "experts", "experts_square", "experts_old",
    "experts_square_old", "mlx", "mlx_dora",
  ]

  static let base = folder + "/base.safetensors"

  /// Applies adapters to the model.
  ///
  /// - Parameters:
  ///   - adapters: the folder and the weight of each.
  ///   - dtype: the type of the result.
  ///   - base: the model.
  /// - Returns: its tensors, and what the merge reports.
  /// - Throws: what the merge throws.
  static func apply(
    _ adapters: [(path: String, weight: Double)], dtype: DType, to base: String = base
  ) async throws -> (tensors: [String: TestTensor], summary: MergeSummary) {
    let temporary = try TemporaryFolder()
    let list = adapters.map { "{path: '\($0.path)', weight: \($0.weight)}" }
    let recipe = try MergeRecipe.read(
      text: """
        merge_method: passthrough
        models:
          - model: {model: {path: '\(base)'}, adapters: [\(list.joined(separator: ", "))]}
        """, file: "r.yml", methods: MethodRegistry.builtIn.declarations)
    let plan = try MergePlanner(
      resolver: LocalModelResolver(recipeFile: nil), options: PlanOptions(dtype: dtype)
    ).plan(recipe)
    let summary = try await MergeExecutor(plan: plan, options: ExecutionOptions(threads: 2))
      .run(into: temporary.appending("out"))
    let tensors = try TestTensor.read(temporary.appending("out/model.safetensors"))
    return (Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) }), summary)
  }

  /// What NumPy makes of the model with an adapter, in float64.
  static func expected(_ name: String) throws -> [String: TestTensor] {
    let tensors = try TestTensor.read("\(folder)/\(name)/expected.safetensors")
    return Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
  }
}
