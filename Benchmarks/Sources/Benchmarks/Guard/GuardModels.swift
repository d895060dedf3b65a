import Foundation
import Safetensors
import SinterTensors

/// A base, three fine-tunes and a LoRA adapter in a temporary folder, small but for the number of
/// their tensors, and recipes over them.
struct GuardModels {
  /// The tensors of each model, 8 MiB each.
  let tensorCount: Int
  /// Holds all of it.
  let folder: URL

  private static let shape: Shape = [2048, 2048]
  private static let rank = 8

  /// Writes them.
  init(tensorCount: Int) throws {
    self.tensorCount = tensorCount
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "sinter-guard-\(ProcessInfo.processInfo.processIdentifier)-\(tensorCount)")
    let weights = SyntheticWeights(seed: 5)
    for model in 0...3 { try write(model, weights) }
    try writeAdapter()
  }

  /// Removes them, and outputs that were put beside them.
  func remove() throws { try FileManager.default.removeItem(at: folder) }

  /// The elements of a model.
  var elementCount: Int { Self.shape.elementCount * tensorCount }

  // MARK: Recipes

  /// The average of two models.
  var linear: String {
    """
    merge_method: linear
    models:
      - {model: \(path(1)), parameters: {weight: 0.6}}
      - {model: \(path(2)), parameters: {weight: 0.4}}
    """
  }

  /// The same of a base with an adapter and a model.
  var adapted: String {
    linear.replacingOccurrences(of: path(1), with: "\(path(0))+\(adapter)")
  }

  /// The halves of three task vectors that agree.
  var ties: String { taskVectors("ties", "{density: 0.5}") }

  /// The same, trimmed over the whole model.
  var tiesOfPaper: String { taskVectors("ties", "{density: 0.5, semantics: paper}") }

  /// Halves of three task vectors at random.
  var dare: String { taskVectors("dare_ties", "{density: 0.5}") }

  private func taskVectors(_ method: String, _ parameters: String) -> String {
    """
    merge_method: \(method)
    base_model: \(path(0))
    models:
      - {model: \(path(1)), parameters: {weight: 0.4}}
      - {model: \(path(2)), parameters: {weight: 0.4}}
      - {model: \(path(3)), parameters: {weight: 0.4}}
    parameters: \(parameters)
    """
  }

  // MARK: Files

  /// The folder of a model, 0 for the base.
  func path(_ model: Int) -> String { folder.appendingPathComponent("\(model)").path }
  private var adapter: String { folder.appendingPathComponent("adapter").path }
  private var modules: [String] { (0..<tensorCount).map { "model.layers.\($0).mlp.up_proj" } }

  private func write(_ model: Int, _ weights: SyntheticWeights) throws {
    let (rows, length) = (Self.shape.dimensions[0], Self.shape.dimensions[1])
    var elements = [UInt16](repeating: 0, count: rows * length)
    try write(
      to: path(model),
      modules.map { TensorDeclaration(name: "\($0).weight", dtype: .bfloat16, shape: Self.shape) },
      file: "model.safetensors"
    ) { writer in
      for (tensor, name) in modules.enumerated() {
        weights.fill(
          rows: 0..<rows, of: name, length: length, isVector: false, model: model, into: &elements)
        try writer.write(elements.span, tensor: tensor)
      }
    }
  }

  private func writeAdapter() throws {
    let (rows, columns) = (Self.shape.dimensions[0], Self.shape.dimensions[1])
    let random = CounterRandom(seed: 6, stream: 0)
    let numbers = (0..<Self.rank * columns).map {
      Float(random.uniform32(at: $0)) * 0x1p-37 - 0x1p-6
    }
    try write(
      to: adapter,
      modules.flatMap { module in
        let start = "base_model.model.\(module)"
        return [
          TensorDeclaration(
            name: "\(start).lora_A.weight", dtype: .float32, shape: [Self.rank, columns]),
          TensorDeclaration(
            name: "\(start).lora_B.weight", dtype: .float32, shape: [rows, Self.rank]),
        ]
      }, file: "adapter_model.safetensors"
    ) { writer in
      for tensor in 0..<2 * modules.count { try writer.write(numbers.span, tensor: tensor) }
    }
    let configuration = """
      {"peft_type": "LORA", "r": \(Self.rank), "lora_alpha": \(Self.rank), \
      "target_modules": ["up_proj"]}
      """
    try Data(configuration.utf8).write(
      to: URL(fileURLWithPath: adapter).appendingPathComponent("adapter_config.json"))
  }

  private func write(
    to path: String, _ tensors: [TensorDeclaration], file: String,
    _ body: (inout SafetensorsWriter) throws -> Void
  ) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    var writer = try SafetensorsWriter.create(at: "\(path)/\(file)", tensors: tensors)
    try body(&writer)
    try writer.finish()
  }
}
