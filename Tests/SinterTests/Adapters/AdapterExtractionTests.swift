import Foundation
import Safetensors
import SinterTensors
import Testing

@testable import Sinter

@Suite struct AdapterExtractionTests {
  let models: ExtractionModels

  init() throws {
    models = try ExtractionModels()
  }

  @Test(arguments: [DType.float32, .bfloat16, .float16])
  func `Base and factors of full rank give the fine-tuned model`(dtype: DType) async throws {
    let (base, tuned) = models.decoder(dtype)
    try models.write(base, tuned)
    let summary = try await models.extract(rank: 1000)
    #expect(summary.relativeError < 1e-7)
    let adapted = try models.applied(to: base)
    for tensor in tuned {
      let own = try #require(adapted[tensor.name])
      let source = try #require(base.first { $0.name == tensor.name })
      for (index, value) in tensor.values.enumerated() {
        // One step of rounding, of the weight or of the difference.
        let step = max(abs(value), abs(source.values[index])) * 0x1p-23
        #expect(abs(own[index] - value) <= step)
        #expect(dtype == .float32 || TestTensor.stored(own[index], dtype) == value)
      }
    }
  }

  @Test func `What is extracted at full rank and applied is the fine-tuned model`() async throws {
    let (base, tuned) = models.decoder(.bfloat16)
    try models.write(base, tuned)
    try await models.extract(rank: 1000)
    let adapted = try CheckpointReader.open(models.folder.appending("base")).applying([
      WeightedAdapter(AdapterReader.open(models.folder.appending("out")))
    ])
    for tensor in adapted.tensors {
      let stored = StoredTensor(file: adapted.files[tensor.file].input, tensor: tensor)
      let count = tensor.shape.elementCount
      var row = [Double](repeating: .nan, count: count)
      var span = row.mutableSpan
      if let update = tensor.update {
        let source = UpdatedTensor(stored, update)
        try source.load()
        var bytes = ByteBuffer(byteCount: source.byteCount(of: count) + 64)
        try source.read(0..<count, into: &bytes, at: 0)
        source.fill(0..<count, from: bytes, at: 0, of: 0..<count, into: &span)
      } else {
        var bytes = ByteBuffer(byteCount: stored.byteCount(of: count) + 64)
        try stored.read(0..<count, into: &bytes, at: 0)
        stored.fill(0..<count, from: bytes, at: 0, of: 0..<count, into: &span)
      }
      let expected = try models.tensor(tensor.name, tuned).values
      #expect(row.map { TestTensor.stored($0, .bfloat16) } == expected)
    }
  }

  @Test(arguments: [1, 3, 8])
  func `Errors are those of the stored factors, and near the smallest possible`(
    rank: Int
  ) async throws {
    let (base, tuned) = models.decoder(.float32)
    try models.write(base, tuned)
    let summary = try await models.extract(rank: rank)
    let adapted = try models.applied(to: base)
    var squares = (error: 0.0, norm: 0.0)
    for module in summary.modules {
      let name = module.name + ".weight"
      let (own, source) = (try models.tensor(name, tuned), try models.tensor(name, base))
      let difference = Matrix<Double>(
        rows: own.shape[0], columns: own.shape.dropFirst().reduce(1, *),
        elements: zip(own.values, source.values).map { $0 - $1 })
      let left = try #require(adapted[name])
      let found = zip(own.values, left).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      #expect(abs(found.squareRoot() - module.residual) < 1e-5 * module.norm)
      let values = SingularValues(difference).values
      let best = values.dropFirst(rank).reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(found.squareRoot() <= best * 1.02 + 1e-6 * module.norm)
      #expect(module.rank == min(rank, values.count))
      squares.error += found
      squares.norm += difference.squaredNorm
    }
    #expect(abs((squares.error / squares.norm).squareRoot() - summary.relativeError) < 1e-5)
    #expect(summary.modules.count == 9)
  }

  @Test func `Factors are balanced`() async throws {
    let (base, tuned) = models.decoder(.float32)
    try models.write(base, tuned)
    let summary = try await models.extract(rank: 4)
    let tensors = try models.adapterTensors()
    for module in summary.modules where module.shape.dimensions.count == 2 {
      let name = "base_model.model.\(module.name).lora_"
      guard let a = tensors["\(name)A.weight"], let b = tensors["\(name)B.weight"] else { continue }
      for row in 0..<module.rank {
        let columns = a.shape[1]
        let inner = (0..<columns).reduce(0) { $0 + pow(a.values[row * columns + $1], 2) }
        let outer = (0..<b.shape[0]).reduce(0) { $0 + pow(b.values[$1 * module.rank + row], 2) }
        #expect(abs(inner - outer) < 1e-4 * inner)
      }
    }
  }

  @Test func `Energy gives each module a rank of its own`() async throws {
    let (base, tuned) = models.decoder(.float32)
    try models.write(base, tuned)
    for energy in [0.5, 0.9, 0.99] {
      let summary = try await models.extract(rank: nil, energy: energy)
      for module in summary.modules {
        let name = module.name + ".weight"
        let (own, source) = (try models.tensor(name, tuned), try models.tensor(name, base))
        let values = SingularValues(
          Matrix<Double>(
            rows: own.shape[0], columns: own.shape.dropFirst().reduce(1, *),
            elements: zip(own.values, source.values).map { $0 - $1 })
        ).values
        let total = values.reduce(0) { $0 + $1 * $1 }
        var kept = 0.0
        let needed =
          1
          + (values.firstIndex { value in
            kept += value * value
            return kept >= energy * total
          } ?? values.count - 1)
        #expect(module.relativeError * module.relativeError <= (1 - energy) * (1 + 1e-4))
        #expect((needed...needed + 1).contains(module.rank))
      }
      let document = try models.configuration()
      let pattern = try #require(document["rank_pattern"] as? [String: Int])
      let rank = try #require(document["r"] as? Int)
      for module in summary.modules {
        #expect(pattern[module.name] ?? rank == module.rank)
        // A key of the pattern must mean no other module.
        #expect(summary.modules.count { $0.name.hasSuffix("." + module.name) } == 0)
      }
      #expect(document["alpha_pattern"] as? [String: Int] == pattern)
    }
    let limited = try await models.extract(rank: 2, energy: 0.99)
    #expect(limited.modules.allSatisfy { $0.rank <= 2 })
  }

  @Test(arguments: [1, 2, 3, 8])
  func `Neither threads nor memory change a byte`(threads: Int) async throws {
    let (base, tuned) = models.decoder(.bfloat16)
    try models.write(base, tuned)
    _ = try await models.extract(rank: 3)
    let expected = try models.folder.bytes("out/adapter_model.safetensors")
    let configuration = try models.folder.bytes("out/adapter_config.json")
    for memory in [64 << 20, 512 << 20] {
      _ = try await models.extract(rank: 3) {
        $0.threads = threads
        $0.memory = memory
      }
      #expect(try models.folder.bytes("out/adapter_model.safetensors") == expected)
      #expect(try models.folder.bytes("out/adapter_config.json") == configuration)
    }
  }

  @Test func `What has no factors is stored whole, bias beside factors as it is`() async throws {
    let (base, tuned) = models.decoder(.float32)
    try models.write(base, tuned)
    let summary = try await models.extract(rank: 2)
    #expect(summary.wholeModules == ["model.layers.0.norm"])
    #expect(summary.biases == ["model.layers.0.attn.q_proj.bias"])
    // The second norm and the third layer are the same in both models.
    #expect(summary.unchanged == 2)
    let tensors = try models.adapterTensors()
    #expect(
      tensors["base_model.model.model.layers.0.norm.weight"]?.values
        == tuned.first { $0.name == "model.layers.0.norm.weight" }?.values)
    #expect(
      tensors["base_model.model.model.layers.0.attn.q_proj.base_layer.bias"]?.values
        == tuned.first { $0.name == "model.layers.0.attn.q_proj.bias" }?.values)
    let document = try models.configuration()
    #expect(document["modules_to_save"] as? [String] == ["model.layers.0.norm"])
    #expect(document["bias"] as? String == "lora_only")
    #expect(!tensors.keys.contains { $0.contains("layers.2") })
    #expect(document["task_type"] as? String == "CAUSAL_LM")
    // 'up_proj' of the third layer is no target, so targets are named in full.
    #expect(
      (document["target_modules"] as? [String])?.contains("model.layers.0.mlp.up_proj") == true)
  }

  @Test func `Modules are chosen by patterns, and what is left out is told`() async throws {
    let (base, tuned) = models.decoder(.float32)
    try models.write(base, tuned)
    let summary = try await models.extract(rank: 2) {
      $0.included = ["attn"]
      $0.excluded = [#"layers\.1\."#]
    }
    #expect(summary.modules.map(\.name) == ["model.layers.0.attn.q_proj"])
    #expect(summary.wholeModules.isEmpty)
    #expect(summary.leftOut.contains("model.layers.1.attn.q_proj"))
    #expect(summary.leftOut.contains("lm_head"))
    let whole = try await models.extract(rank: 2) { $0.savedWhole = ["embed_tokens", "lm_head"] }
    #expect(
      whole.wholeModules == ["model.embed_tokens", "model.layers.0.norm", "lm_head"])
  }

  @Test func `A rank that the difference does not have is not stored`() async throws {
    var base = [TestTensor("w.weight", .float32, [40, 60], seed: 1)]
    let low = MatrixSample.make(40, 60, singularValues: [1, 0.5])
    let tuned = [
      TestTensor("w.weight", .float64, [40, 60], zip(base[0].values, low.elements).map { $0 + $1 })
    ]
    base.append(TestTensor("same.weight", .float32, [4, 4], seed: 2))
    try models.write(base, tuned + [base[1]])
    let summary = try await models.extract(rank: 16)
    #expect(summary.modules.map(\.rank) == [2])
    #expect(summary.relativeError < 1e-6)
  }
}
