import Foundation
import Safetensors
import SinterTensors

@testable import Sinter

/// A base and a fine-tuned model on disk, and the adapter that is extracted from them.
struct ExtractionModels {
  let folder: TemporaryFolder
  private let merge: TestMerge

  init() throws {
    merge = try TestMerge()
    folder = merge.folder
  }

  static let configuration = """
    {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "tie_word_embeddings": false}
    """

  /// A small decoder: embedding, head, matrices of several shapes, a convolution, norms and a bias.
  ///
  /// Its third layer, and the norm of the second, are the same in both models.
  func decoder(_ dtype: DType) -> (base: [TestTensor], tuned: [TestTensor]) {
    let shapes: [(String, [Int])] = [
      ("model.embed_tokens.weight", [50, 24]), ("model.conv.weight", [24, 3, 4, 4]),
      ("model.layers.0.attn.q_proj.weight", [24, 24]), ("model.layers.0.attn.q_proj.bias", [24]),
      ("model.layers.0.mlp.up_proj.weight", [70, 24]),
      ("model.layers.0.mlp.down_proj.weight", [24, 70]), ("model.layers.0.norm.weight", [24]),
      ("model.layers.1.attn.q_proj.weight", [24, 24]),
      ("model.layers.1.mlp.up_proj.weight", [70, 24]),
      ("model.layers.1.mlp.down_proj.weight", [24, 70]), ("model.layers.1.norm.weight", [24]),
      ("model.layers.2.mlp.up_proj.weight", [70, 24]), ("lm_head.weight", [50, 24]),
    ]
    let base = shapes.map { TestTensor($0.0, dtype, $0.1, seed: 1) }
    let tuned = base.map { tensor in
      if tensor.name.contains("layers.2") || tensor.name == "model.layers.1.norm.weight" {
        return tensor
      }
      // Strong directions, so that ranks differ, and noise in all others.
      let rows = tensor.shape[0]
      let columns = tensor.shape.dropFirst().reduce(1, *)
      let values = (0..<min(rows, columns)).map { pow(0.6, Double($0)) * 0.1 + 0.001 }
      let change = MatrixSample.make(
        rows, columns, singularValues: values, seed: UInt64(tensor.name.utf8.count))
      return TestTensor(
        tensor.name, dtype, tensor.shape,
        zip(tensor.values, change.elements).map { TestTensor.stored($0 + $1, dtype) })
    }
    return (base, tuned)
  }

  /// Writes both models.
  func write(
    _ base: [TestTensor], _ tuned: [TestTensor], config: String? = configuration,
    tunedConfig: String? = nil
  ) throws {
    try merge.model("base", base, config: config)
    try merge.model("tuned", tuned, config: tunedConfig ?? config)
  }

  /// Plans an extraction.
  func plan(
    rank: Int?, energy: Double? = nil, _ change: (inout ExtractionOptions) -> Void = { _ in }
  ) throws -> ExtractionPlan {
    var options = ExtractionOptions(rank: rank, energy: energy)
    options.overwrites = true
    change(&options)
    return try ExtractionPlan(
      finetuned: CheckpointReader.open(folder.appending("tuned")),
      base: CheckpointReader.open(folder.appending("base")), options: options)
  }

  /// Extracts an adapter into `out`.
  @discardableResult
  func extract(
    rank: Int?, energy: Double? = nil, _ change: (inout ExtractionOptions) -> Void = { _ in }
  ) async throws -> ExtractionSummary {
    try await AdapterExtraction(plan: plan(rank: rank, energy: energy, change))
      .run(into: folder.appending("out"))
  }

  /// The texts of the faults, without the folder's path.
  func faults(
    rank: Int? = 2, _ change: (inout ExtractionOptions) -> Void = { _ in }
  ) async -> [String] {
    do {
      try await extract(rank: rank, change)
      return []
    } catch let error as DiagnosticError {
      return error.diagnostics.filter { $0.severity == .error }.map {
        $0.description.replacingOccurrences(of: folder.path + "/", with: "")
      }
    } catch {
      return ["\(error)"]
    }
  }

  func tensor(_ name: String, _ tensors: [TestTensor]) throws -> TestTensor {
    struct NoTensor: Error { let name: String }
    guard let tensor = tensors.first(where: { $0.name == name }) else { throw NoTensor(name: name) }
    return tensor
  }

  /// The tensors of the adapter, by name.
  func adapterTensors() throws -> [String: TestTensor] {
    let tensors = try TestTensor.read(folder.appending("out/adapter_model.safetensors"))
    return Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
  }

  /// What `adapter_config.json` says.
  func configuration() throws -> [String: Any] {
    let text = try folder.text("out/adapter_config.json")
    return try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
  }

  /// The base with the adapter added, in Double: written from the documentation of PEFT.
  func applied(to base: [TestTensor]) throws -> [String: [Double]] {
    let adapter = try adapterTensors()
    var result = Dictionary(uniqueKeysWithValues: base.map { ($0.name, $0.values) })
    for (name, a) in adapter {
      let own = String(name.dropFirst("base_model.model.".count))
      if own.hasSuffix(".lora_A.weight") || own.hasSuffix(".lora_embedding_A") {
        let isEmbedding = own.hasSuffix(".lora_embedding_A")
        let ending = isEmbedding ? ".lora_embedding_A" : ".lora_A.weight"
        let module = String(own.dropLast(ending.count))
        let other = name.replacingOccurrences(of: "_A", with: "_B")
        guard let b = adapter[other] else { continue }
        let rank = a.shape[0]
        let left = Matrix(rows: b.shape[0], columns: rank, elements: b.values)
        let right = Matrix(rows: rank, columns: a.values.count / rank, elements: a.values)
        var product = MatrixSample.naiveProduct(left, right)
        if isEmbedding { product = product.transposed() }
        // Alpha is the rank, so that the scale is 1.
        result[module + ".weight"] = result[module + ".weight"].map { values in
          zip(values, product.elements).map { $0 + $1 }
        }
      } else if !own.contains(".lora_") {
        result[own.replacingOccurrences(of: ".base_layer", with: "")] = a.values
      }
    }
    return result
  }
}
