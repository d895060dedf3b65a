import Foundation
import Safetensors
import Sinter
import SinterTensors

/// What a whole merge costs: the processor time of its own code beside that of a copy in memory of
/// all bytes that it reads and writes.
struct MergeCost {
  private static let shape: Shape = [2048, 2048]
  private static let tensorCount = 4
  private let folder: URL

  /// Writes a base and three fine-tunes of some 17 million elements into a temporary folder.
  init() throws {
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("sinter-guard-\(ProcessInfo.processInfo.processIdentifier)")
    let weights = SyntheticWeights(seed: 5)
    for model in 0...3 { try Self.write(model, weights, to: path(model)) }
  }

  /// Removes the checkpoints and outputs.
  func remove() throws {
    try FileManager.default.removeItem(at: folder)
  }

  /// The average of two models.
  func linear(runs: Int) async throws -> Double {
    try await ratio(
      """
      merge_method: linear
      models:
        - {model: \(path(1)), parameters: {weight: 0.6}}
        - {model: \(path(2)), parameters: {weight: 0.4}}
      """, inputs: 2, runs: runs)
  }

  /// The halves of three task vectors that agree.
  func ties(runs: Int) async throws -> Double {
    try await ratio(
      """
      merge_method: ties
      base_model: \(path(0))
      models:
        - {model: \(path(1)), parameters: {weight: 0.4}}
        - {model: \(path(2)), parameters: {weight: 0.4}}
        - {model: \(path(3)), parameters: {weight: 0.4}}
      parameters: {density: 0.5}
      """, inputs: 4, runs: runs)
  }

  /// The cheapest of some runs over the fastest copy. The system's share, such as that of writing,
  /// is left out: it depends on the machine's disk.
  private func ratio(_ text: String, inputs: Int, runs: Int) async throws -> Double {
    let recipe = try MergeRecipe.read(
      text: text, file: "recipe.yml", methods: MethodRegistry.builtIn.declarations)
    let plan = try MergePlanner(resolver: LocalModelResolver(recipeFile: nil)).plan(recipe)
    let bytes = 2 * Self.shape.elementCount * Self.tensorCount * (inputs + 1)
    var copy = MemoryCopy(byteCount: bytes)
    let out = folder.appendingPathComponent("out").path
    var spent: [Double] = []
    for _ in 0..<runs {
      let before = ProcessUsage.now.userSeconds
      _ = try await MergeExecutor(
        plan: plan, options: ExecutionOptions(threads: 1, overwrites: true)
      ).run(into: out)
      spent.append(ProcessUsage.now.userSeconds - before)
    }
    // The clock of processor time ticks slowly: the median says more than the least.
    let middle = spent.sorted()[runs / 2]
    return middle / Stopwatch.seconds(runs: 10) { copy.run() }
  }

  private func path(_ model: Int) -> String { folder.appendingPathComponent("\(model)").path }

  private static func write(_ model: Int, _ weights: SyntheticWeights, to path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let names = (0..<tensorCount).map { "model.layers.\($0).mlp.up_proj.weight" }
    var writer = try SafetensorsWriter.create(
      at: path + "/model.safetensors",
      tensors: names.map { TensorDeclaration(name: $0, dtype: .bfloat16, shape: shape) })
    let (rows, length) = (shape.dimensions[0], shape.dimensions[1])
    for (tensor, name) in names.enumerated() {
      var elements = [UInt16](repeating: 0, count: rows * length)
      weights.fill(
        rows: 0..<rows, of: name, length: length, isVector: false, model: model, into: &elements)
      try writer.write(elements.span, tensor: tensor)
    }
    try writer.finish()
  }
}
