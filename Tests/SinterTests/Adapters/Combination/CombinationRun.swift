import Foundation
import SinterTensors
import Testing

@testable import Sinter

/// Adapters of a test's own, combined as a recipe says.
final class CombinationRun: Sendable {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// Stores an adapter.
  func write(_ adapter: TestAdapter, _ name: String) throws {
    try adapter.write(to: folder.appending(name))
  }

  /// A recipe over stored adapters.
  ///
  /// - Parameters:
  ///   - method: the method.
  ///   - models: name and parameters of each adapter, as YAML.
  ///   - parameters: the parameters for all, as YAML.
  /// - Returns: the text.
  func recipe(
    _ method: String, _ models: [(String, String)], _ parameters: String = ""
  ) -> String {
    let entries = models.map { name, own in
      "  - model: {model: {path: \"\(folder.appending(name))\"}}\n    parameters: {\(own)}"
    }
    return "merge_method: \(method)\nparameters: {\(parameters)}\nmodels:\n"
      + entries.joined(separator: "\n") + "\n"
  }

  @discardableResult
  func plan(
    _ recipe: String, _ options: CombinationOptions = CombinationOptions()
  ) throws -> CombinationPlan {
    try CombinationPlan(
      recipe: try MergeRecipe.read(
        text: recipe, file: "r.yml", methods: CombinationMethod.declarations),
      resolver: LocalModelResolver(recipeFile: nil), options: options)
  }

  /// Combines into a folder.
  @discardableResult
  func combine(
    _ recipe: String, _ options: CombinationOptions = CombinationOptions(),
    into name: String = "out"
  ) async throws -> CombinationSummary {
    var options = options
    options.overwrites = true
    return try await AdapterCombination(plan: try plan(recipe, options))
      .run(into: folder.appending(name))
  }

  /// What a merge makes of models that have stored adapters on them.
  ///
  /// - Parameters:
  ///   - method: the method.
  ///   - models: name and parameters of each adapter, as YAML.
  ///   - parameters: the parameters for all, as YAML.
  ///   - base: the file of the model.
  ///   - seed: the key of all that is random.
  /// - Returns: the tensors of the result, in F64.
  /// - Throws: what the merge throws.
  func merge(
    _ method: String, _ models: [(String, String)], _ parameters: String = "", base: String,
    seed: UInt64
  ) async throws -> [String: TestTensor] {
    let base = "{model: {path: '\(folder.appending(base))'}"
    let entries = models.map { name, own in
      "  - model: \(base), adapters: [{path: '\(folder.appending(name))', weight: 1}]}\n"
        + "    parameters: {\(own)}"
    }
    let recipe = try MergeRecipe.read(
      text: "merge_method: \(method)\nbase_model: \(base)}\nparameters: {\(parameters)}\n"
        + "models:\n\(entries.joined(separator: "\n"))\n",
      file: "r.yml", methods: MethodRegistry.builtIn.declarations)
    let plan = try MergePlanner(
      resolver: LocalModelResolver(recipeFile: nil),
      options: PlanOptions(dtype: .float64, seed: seed)
    ).plan(recipe)
    _ = try await MergeExecutor(plan: plan, options: ExecutionOptions(threads: 2, overwrites: true))
      .run(into: folder.appending("merged"))
    let tensors = try TestTensor.read(folder.appending("merged/model.safetensors"))
    return Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
  }

  /// The faults of a recipe, without the folder's path.
  func faults(
    _ recipe: String, _ options: CombinationOptions = CombinationOptions()
  ) async -> [String] {
    do {
      try await combine(recipe, options)
      return []
    } catch let error as DiagnosticError {
      return error.diagnostics.map {
        $0.description.replacingOccurrences(of: folder.path + "/", with: "")
      }
    } catch {
      return ["\(error)"]
    }
  }

  /// What a stored adapter adds to each of its modules, outputs x inputs; those of experts one below
  /// the other.
  func updates(_ name: String) throws -> [String: Matrix<Double>] {
    let adapter = try AdapterReader.open(folder.appending(name))
    return try Dictionary(
      uniqueKeysWithValues: adapter.modules.map { module in
        var update = Matrix<Double>(
          stacked: try (0..<module.experts).map { expert in
            let factors = try adapter.factors(of: module, expert: expert)
            return MatrixSample.naiveProduct(
              Matrix(rows: factors.outputs, columns: factors.rank, elements: factors.b),
              Matrix(rows: factors.rank, columns: factors.inputs, elements: factors.a))
          })
        update.scaleRows(by: Array(repeating: module.scale, count: update.rows))
        return (module.label, update)
      })
  }

  /// The sum of updates, each times a factor; what an adapter has not counts as zero.
  static func sum(
    _ parts: [([String: Matrix<Double>], Double)]
  ) -> [String: Matrix<Double>] {
    var result: [String: Matrix<Double>] = [:]
    for (updates, factor) in parts {
      for (name, update) in updates {
        var sum = result[name] ?? Matrix(rows: update.rows, columns: update.columns)
        sum.add(update.elements, times: factor)
        result[name] = sum
      }
    }
    return result
  }
}

/// The largest difference of two sets of updates, as a part of the largest number.
func relativeDistance(
  _ left: [String: Matrix<Double>], _ right: [String: Matrix<Double>]
) -> Double {
  guard Set(left.keys) == Set(right.keys) else { return .infinity }
  let size = right.values.reduce(0) { max($0, $1.largestMagnitude) }
  return left.reduce(0) { worst, one in
    max(worst, one.value.distance(to: right[one.key] ?? one.value))
  } / (size > 0 ? size : 1)
}
