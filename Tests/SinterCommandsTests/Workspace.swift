import Foundation
import Safetensors
import SinterTensors
import Testing

/// A folder of its own for each test, removed when the test is over; programs are run in it.
final class Workspace: Sendable {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory
      .appending(path: "sinter-commands-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: folder)
  }

  func url(_ path: String) -> URL { folder.appending(path: path) }

  func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: url(path).path)
  }

  func bytes(_ path: String) throws -> Data { try Data(contentsOf: url(path)) }

  func names(in path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: url(path).path).sorted()
  }

  func write(_ text: String, to path: String) throws {
    let file = url(path)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }
}

// MARK: - Checkpoints

/// A tensor that a test stores.
struct StoredTensorText {
  let declaration: TensorDeclaration
  let bytes: [UInt8]

  static func float32(_ name: String, _ shape: Shape, _ values: [Float]) -> Self {
    let bytes = values.flatMap { value in (0..<4).map { UInt8(value.bitPattern >> ($0 * 8) & 255) }
    }
    return Self(
      declaration: TensorDeclaration(name: name, dtype: .float32, shape: shape), bytes: bytes)
  }

  /// Values of 16 bits: bfloat16 or float16.
  static func half(_ name: String, _ dtype: DType, _ shape: Shape, _ values: [UInt16]) -> Self {
    Self(
      declaration: TensorDeclaration(name: name, dtype: dtype, shape: shape),
      bytes: values.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })
  }

  static func int64(_ name: String, _ values: [Int64]) -> Self {
    let bytes = values.flatMap { value in
      (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    return Self(
      declaration: TensorDeclaration(name: name, dtype: .int64, shape: Shape([values.count])),
      bytes: bytes)
  }
}

extension Workspace {
  /// Stores tensors as one file.
  func writeTensors(_ tensors: [StoredTensorText], to path: String) throws {
    let file = url(path)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    var writer = try SafetensorsWriter.create(
      at: file.path, tensors: tensors.map(\.declaration), existing: .replace)
    for (place, tensor) in tensors.enumerated() {
      try writer.write(tensor.bytes.span, tensor: place)
    }
    try writer.finish()
  }

  /// Stores a small model of two layers in the form of Llama, its values drawn from a seed.
  func writeModel(_ name: String, seed: UInt32, layers: Int = 2) throws {
    var state = seed
    func values(_ count: Int) -> [Float] {
      (0..<count).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return Float(state >> 8) / 16_777_216 - 0.5
      }
    }
    var tensors: [StoredTensorText] = [
      .float32("model.embed_tokens.weight", [8, 4], values(32))
    ]
    for layer in 0..<layers {
      let prefix = "model.layers.\(layer)."
      tensors.append(.float32(prefix + "input_layernorm.weight", [4], values(4)))
      tensors.append(.float32(prefix + "mlp.up_proj.weight", [16, 4], values(64)))
    }
    tensors.append(.float32("model.norm.weight", [4], values(4)))
    try writeTensors(tensors, to: "\(name)/model.safetensors")
    try write(
      """
      {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "num_hidden_layers": \(layers),
        "tie_word_embeddings": true,
        "torch_dtype": "float32"
      }

      """, to: "\(name)/config.json")
    try write("{}\n", to: "\(name)/tokenizer.json")
  }

  /// A base and two fine-tunes, and recipes over them.
  func writeModels() throws {
    try writeModel("base", seed: 1)
    try writeModel("math", seed: 2)
    try writeModel("code", seed: 3)
    try write(Recipes.ties, to: "ties.yml")
    try write(Recipes.dare, to: "dare.yml")
  }
}

/// Recipes over the models that ``Workspace/writeModels()`` stores.
enum Recipes {
  static let ties = """
    merge_method: ties
    base_model: base
    models:
      - model: math
        parameters: {weight: 1, density: [0.25, 0.75]}
      - model: code
        parameters: {weight: 0.5, density: 0.5}

    """
  static let dare = """
    merge_method: dare_linear
    base_model: base
    models:
      - model: math
        parameters: {weight: 1, density: 0.5}

    """
  /// The average of two models that lie as files in the workspace.
  static let average = """
    merge_method: linear
    parameters: {weight: 1}
    models:
      - model: a.safetensors
      - model: b.safetensors

    """
}

// MARK: - JSON

/// The one JSON document of a text.
func jsonObject(_ text: String) throws -> [String: Any] {
  let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
  return try #require(value as? [String: Any])
}
