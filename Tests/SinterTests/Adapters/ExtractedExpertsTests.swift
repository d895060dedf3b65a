import Foundation
import Safetensors
import SinterTensors
import Testing

@testable import Sinter

/// Packed experts of two models: factors for each expert of a layer.
@Suite struct ExtractedExpertsTests {
  private let models: ExtractionModels

  private static let gate = "model.layers.0.mlp.experts.gate_up_proj"
  private static let down = "model.layers.0.mlp.experts.down_proj"

  init() throws {
    models = try ExtractionModels()
  }

  /// A layer of experts, a linear layer and a convolution; what is listed differs in the tuned model.
  private func pair(
    _ dtype: DType, hidden: Int = 12, inner: Int = 9, changes: Set<String> = [gate, down, "q"],
    more: [(String, [Int])] = []
  ) -> (base: [TestTensor], tuned: [TestTensor]) {
    let shapes: [(String, [Int])] =
      [
        (Self.gate, [4, 2 * inner, hidden]), (Self.down, [4, hidden, inner]),
        ("q.weight", [8, hidden]), ("conv.weight", [6, 5, 3]),
      ] + more
    let base = shapes.map { TestTensor($0.0, dtype, $0.1, seed: 1) }
    let tuned = base.map { tensor in
      let module = tensor.name.replacingOccurrences(of: ".weight", with: "")
      guard changes.contains(module) else { return tensor }
      let count = tensor.shape.count == 3 ? tensor.shape[0] : 1
      let (rows, columns) = (tensor.shape.suffix(2).first ?? 1, tensor.shape.last ?? 1)
      // Experts of ranks that differ.
      let change = (0..<count).flatMap { expert in
        let values = (0..<min(rows, columns)).map {
          pow(0.4 + 0.1 * Double(expert), Double($0)) * 0.1
        }
        return MatrixSample.make(rows, columns, singularValues: values, seed: UInt64(expert))
          .elements
      }
      return TestTensor(
        tensor.name, dtype, tensor.shape,
        zip(tensor.values, change).map { TestTensor.stored($0 + $1, dtype) })
    }
    return (base, tuned)
  }

  private static func config(_ family: String) -> String {
    #"{"architectures": ["XForCausalLM"], "model_type": "\#(family)", "tie_word_embeddings": false}"#
  }

  /// The base with the adapter, in F64.
  private func applied() async throws -> [String: TestTensor] {
    try await AdapterFixtures.apply(
      [(models.folder.appending("out"), 1)], dtype: .float64, to: models.folder.appending("base")
    ).tensors
  }

  /// The experts' differences of a tensor.
  private func differences(
    _ name: String, _ base: [TestTensor], _ tuned: [TestTensor]
  ) throws -> [Matrix<Double>] {
    let (own, source) = (try models.tensor(name, tuned), try models.tensor(name, base))
    let (rows, columns) = (own.shape[1], own.shape[2])
    let all = zip(own.values, source.values).map { $0 - $1 }
    return (0..<own.shape[0]).map { expert in
      Matrix(
        rows: rows, columns: columns,
        elements: Array(all[expert * rows * columns..<(expert + 1) * rows * columns]))
    }
  }

  @Test(arguments: ["qwen3_moe", "gpt_oss"], [9, 12])
  func `at full rank the adapter gives the fine-tuned model`(
    family: String, inner: Int
  ) async throws {
    // With 12 the experts of the second tensor are square, and only the family tells which way.
    let (base, tuned) = pair(.bfloat16, inner: inner)
    try models.write(base, tuned, config: Self.config(family))
    let summary = try await models.extract(rank: 1000)
    #expect(summary.modules.map(\.name) == [Self.gate, Self.down, "q"])
    #expect(summary.modules.map(\.rank) == [12, inner, 8])
    #expect(summary.relativeError == 0)
    let results = try await applied()
    for tensor in tuned {
      #expect(
        results[tensor.name]?.values.map { TestTensor.stored($0, .bfloat16) } == tensor.values)
    }
  }

  @Test func `factors are named and shaped as PEFT does`() async throws {
    let (base, tuned) = pair(.float32)
    try models.write(base, tuned, config: Self.config("qwen3_moe"))
    try await models.extract(rank: 3)
    let start = "base_model.model.model.layers.0.mlp.experts"
    let shapes = try models.adapterTensors().filter { $0.key.contains("experts") }
      .mapValues(\.shape)
    #expect(
      shapes == [
        "\(start).base_layer.lora_A.weight": [12, 12],
        "\(start).base_layer.lora_B.weight": [18, 12],
        "\(start).lora_A.weight": [12, 9], "\(start).lora_B.weight": [12, 12],
      ])
    let config = try models.configuration()
    #expect(config["target_parameters"] as? [String] == [Self.down, Self.gate])
    #expect(config["target_modules"] as? [String] == ["q"])
    #expect(config["peft_version"] as? String == "0.19.0")
    // Of a family that stores experts as in x out A has the rows.
    try models.write(base, tuned, config: Self.config("gpt_oss"))
    try await models.extract(rank: 3)
    #expect(
      try models.adapterTensors().filter { $0.key.contains("experts") }.mapValues(\.shape) == [
        "\(start).base_layer.lora_A.weight": [12, 18],
        "\(start).base_layer.lora_B.weight": [12, 12],
        "\(start).lora_A.weight": [12, 12], "\(start).lora_B.weight": [9, 12],
      ])
  }

  @Test(arguments: [1, 3, 8])
  func `errors are those of all experts, and near the smallest possible`(rank: Int) async throws {
    let (base, tuned) = pair(.float32)
    try models.write(base, tuned, config: Self.config("qwen3_moe"))
    let summary = try await models.extract(rank: rank)
    let results = try await applied()
    for module in summary.modules where module.name != "q" {
      let differences = try differences(module.name, base, tuned)
      let norm = differences.reduce(0) { $0 + $1.squaredNorm }.squareRoot()
      let best = differences.reduce(0) { sum, one in
        sum + SingularValues(one).values.dropFirst(rank).reduce(0) { $0 + $1 * $1 }
      }.squareRoot()
      let own = try models.tensor(module.name, tuned)
      let found = zip(own.values, try #require(results[module.name]).values)
        .reduce(0) { $0 + pow($1.0 - $1.1, 2) }.squareRoot()
      #expect(abs(module.norm - norm) < 1e-5 * norm)
      #expect(abs(module.residual - found) < 1e-5 * norm)
      #expect(found <= best * 1.02 + 1e-6 * norm)
      #expect(module.rank == rank)
      #expect(module.shape == Shape(own.shape))
    }
  }

  @Test func `the rank of an energy suffices for every expert`() async throws {
    let (base, tuned) = pair(.float32)
    try models.write(base, tuned, config: Self.config("qwen3_moe"))
    for energy in [0.6, 0.9, 0.99] {
      let summary = try await models.extract(rank: nil, energy: energy)
      for module in summary.modules where module.name != "q" {
        let needs = try differences(module.name, base, tuned).map { expert in
          let squares = SingularValues(expert).values.map { $0 * $0 }
          return (1...squares.count).first {
            squares.dropFirst($0).reduce(0, +) <= (1 - energy) * squares.reduce(0, +)
          } ?? squares.count
        }
        let most = try #require(needs.max())
        #expect((most...most + 1).contains(module.rank), "\(needs)")
        #expect(module.relativeError * module.relativeError <= (1 - energy) * (1 + 1e-4))
      }
    }
  }

  @Test func `an expert that does not differ is filled with zeros`() async throws {
    let (base, tuned) = pair(.float32)
    let size = 12 * 9
    let partly = tuned.map { tensor in
      guard tensor.name == Self.down, let own = base.first(where: { $0.name == Self.down }) else {
        return tensor
      }
      var values = tensor.values
      values.replaceSubrange(size..<2 * size, with: own.values[size..<2 * size])
      return TestTensor(tensor.name, .float32, tensor.shape, values)
    }
    try models.write(base, partly, config: Self.config("qwen3_moe"))
    try await models.extract(rank: 2)
    let (results, own) = (try await applied(), try models.tensor(Self.down, base))
    let values = try #require(results[Self.down]?.values)
    #expect(Array(values[size..<2 * size]) == Array(own.values[size..<2 * size]))
    #expect(values[0] != own.values[0])
  }

  @Test func `one parameter may differ alone, and a changed bias takes the layer whole`()
    async throws
  {
    let more = [(Self.gate + "_bias", [4, 18])]
    var (base, tuned) = pair(.float32, changes: [Self.down], more: more)
    try models.write(base, tuned, config: Self.config("gpt_oss"))
    var summary = try await models.extract(rank: 2)
    #expect(summary.modules.map(\.name) == [Self.down])
    #expect(summary.wholeModules == [])
    #expect(
      try models.adapterTensors().keys.sorted() == [
        "base_model.model.model.layers.0.mlp.experts.lora_A.weight",
        "base_model.model.model.layers.0.mlp.experts.lora_B.weight",
      ])
    (base, tuned) = pair(
      .float32, changes: [Self.gate, Self.down, Self.gate + "_bias", "q"], more: more)
    try models.write(base, tuned, config: Self.config("gpt_oss"))
    summary = try await models.extract(rank: 2)
    #expect(summary.modules.map(\.name) == ["q"])
    #expect(summary.wholeModules == ["model.layers.0.mlp.experts"])
    let results = try await applied()
    for tensor in tuned where tensor.name.contains("experts") {
      #expect(results[tensor.name]?.values == tensor.values)
    }
  }

  @Test func `other tensors of three axes are no experts`() async throws {
    let (base, tuned) = pair(
      .bfloat16,
      changes: [
        "conv", "experts_conv", "a.experts.mix", "q", "block_sparse_moe.input_linear",
        "switch_mlp.up_proj",
      ],
      more: [
        ("experts_conv.weight", [4, 3, 5]), ("a.experts.mix.weight", [4, 3, 5]),
        ("block_sparse_moe.input_linear.weight", [4, 6, 5]),
        ("switch_mlp.up_proj.weight", [4, 6, 5]), ("other.table", [4, 3, 5]),
      ])
    try models.write(base, tuned, config: Self.config("granitemoe"))
    let summary = try await models.extract(rank: 100)
    #expect(
      summary.modules.map(\.name) == [
        "q", "conv", "experts_conv", "a.experts.mix", "block_sparse_moe.input_linear.weight",
        "switch_mlp.up_proj.weight",
      ])
    #expect(summary.modules.map(\.rank) == [8, 6, 4, 4, 5, 5])
    let tensors = try models.adapterTensors()
    #expect(tensors["base_model.model.conv.lora_A.weight"]?.shape == [6, 5, 3])
    #expect(tensors["base_model.model.a.experts.mix.lora_A.weight"]?.shape == [4, 3, 5])
    #expect(tensors["base_model.model.switch_mlp.up_proj.lora_A.weight"]?.shape == [20, 5])
    let results = try await applied()
    for tensor in tuned {
      #expect(
        results[tensor.name]?.values.map { TestTensor.stored($0, .bfloat16) } == tensor.values,
        "\(tensor.name)")
    }
  }

  @Test func `patterns choose layers of experts as they choose modules`() async throws {
    let (base, tuned) = pair(.float32)
    try models.write(base, tuned, config: Self.config("qwen3_moe"))
    let without = try await models.extract(rank: 2) { $0.excluded = ["experts"] }
    #expect(without.modules.map(\.name) == ["q"])
    #expect(without.leftOut == [Self.gate, Self.down])
    let whole = try await models.extract(rank: 2) { $0.savedWhole = ["experts"] }
    #expect(whole.wholeModules == ["model.layers.0.mlp.experts"])
    #expect(whole.modules.map(\.name) == ["q"])
  }

  @Test func `neither threads nor memory change a byte`() async throws {
    let (base, tuned) = pair(.bfloat16, hidden: 70, inner: 40)
    try models.write(base, tuned, config: Self.config("qwen3_moe"))
    var bytes: [[UInt8]] = []
    for (threads, memory) in [(1, 512 << 20), (3, 512 << 20), (2, 64 << 20)] {
      try await models.extract(rank: nil, energy: 0.9) {
        $0.threads = threads
        $0.memory = memory
      }
      bytes.append(try models.folder.bytes("out/adapter_model.safetensors"))
    }
    #expect(bytes[0] == bytes[1] && bytes[0] == bytes[2])
  }
}
