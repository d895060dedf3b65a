import Foundation
import Safetensors
import Sinter
import SinterTensors

/// Times planning: checkpoints with very many tensors, of which nothing but headers is on the disk.
struct PlanningBenchmark {
  let models: Int
  /// The tensors of each model.
  let tensorCount: Int
  private let folder: URL
  private static let shards = 12

  /// Writes the checkpoints into a temporary folder.
  init(models: Int, layers: Int, experts: Int) throws {
    self.models = models
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("sinter-planning-\(ProcessInfo.processInfo.processIdentifier)")
    let tensors = Self.tensors(layers: layers, experts: experts)
    tensorCount = tensors.count
    for model in 0..<models { try Self.write(tensors, to: path(model)) }
  }

  /// Removes the checkpoints.
  func remove() throws {
    try FileManager.default.removeItem(at: folder)
  }

  /// The seconds of the fastest of some runs, each from the recipe's text to the plan.
  func seconds(runs: Int) throws -> Double {
    let clock = ContinuousClock()
    return try (0..<runs).map { _ in
      try clock.measure {
        let recipe = try MergeRecipe.read(
          text: text, file: "recipe.yml", methods: MethodRegistry.builtIn.declarations)
        let plan = try MergePlanner(resolver: LocalModelResolver(recipeFile: nil)).plan(recipe)
        precondition(plan.tensors.count == tensorCount, "the plan lacks tensors")
      } / .seconds(1)
    }.min() ?? 0
  }

  private func path(_ model: Int) -> String { folder.appendingPathComponent("\(model)").path }

  private var text: String {
    let others = (1..<models).map { "  - model: \(path($0))\n    parameters: {weight: 0.1}" }
    return """
      merge_method: ties
      base_model: \(path(0))
      models:
      \(others.joined(separator: "\n"))
      parameters: {density: 0.5}
      """
  }

  /// A mixture of experts: most of its tensors are small and alike.
  private static func tensors(layers: Int, experts: Int) -> [TensorDeclaration] {
    var tensors = [
      ("lm_head.weight", [32_000, 2048]), ("model.embed_tokens.weight", [32_000, 2048]),
    ]
    for layer in 0..<layers {
      let prefix = "model.layers.\(layer)."
      for name in ["q", "k", "v", "o"] {
        tensors.append(("\(prefix)self_attn.\(name)_proj.weight", [2048, 2048]))
      }
      tensors.append(("\(prefix)mlp.gate.weight", [experts, 2048]))
      for name in ["input_layernorm", "post_attention_layernorm"] {
        tensors.append(("\(prefix)\(name).weight", [2048]))
      }
      for expert in 0..<experts {
        for name in ["gate", "up", "down"] {
          tensors.append(
            (
              "\(prefix)mlp.experts.\(expert).\(name)_proj.weight",
              name == "down" ? [2048, 768] : [768, 2048]
            ))
        }
      }
    }
    tensors.append(("model.norm.weight", [2048]))
    return tensors.map {
      TensorDeclaration(name: $0.0, dtype: .bfloat16, shape: Shape($0.1))
    }
  }

  private static func write(_ tensors: [TensorDeclaration], to folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let each = (tensors.count + shards - 1) / shards
    var entries: [ShardIndex.Entry] = []
    for (place, start) in stride(from: 0, to: tensors.count, by: each).enumerated() {
      let name = "model-\(place + 1).safetensors"
      let part = Array(tensors[start..<min(start + each, tensors.count)])
      let header = try SafetensorsHeader(layingOut: part, file: name)
      let file = "\(folder)/\(name)"
      try Data(header.encoded()).write(to: URL(fileURLWithPath: file))
      // What follows is a hole: a size without blocks.
      let handle = try FileHandle(forUpdating: URL(fileURLWithPath: file))
      try handle.truncate(atOffset: UInt64(header.fileByteCount))
      try handle.close()
      entries += part.map { ShardIndex.Entry(tensor: $0.name, file: name) }
    }
    let index = try ShardIndex(entries: entries, totalSize: nil, path: folder)
    try Data(index.encoded())
      .write(to: URL(fileURLWithPath: "\(folder)/model.safetensors.index.json"))
    let configuration = #"{"architectures": ["MixtralForCausalLM"], "model_type": "mixtral"}"#
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: "\(folder)/config.json"))
  }
}
