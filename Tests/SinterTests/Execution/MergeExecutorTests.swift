import Foundation
import SinterTensors
import Testing

@testable import Sinter

@Suite struct MergeExecutorTests {
  private static let recipe = """
    merge_method: dare_ties
    base_model: base
    models:
      - model: base
      - model: a
        parameters: {weight: 0.7, density: 0.4}
      - model: b
        parameters: {weight: 0.5, density: 0.6}
    """

  /// Models of many tiny tensors and one huge one, of several element types.
  private func models(_ tiny: Int, huge: [Int] = [331, 251]) throws -> TestMerge {
    let merge = try TestMerge()
    let dtypes: [DType] = [.float32, .bfloat16, .float16, .float64]
    func tensors(_ seed: UInt64) -> [TestTensor] {
      var tensors: [TestTensor] = []
      for index in 0..<tiny {
        if index == tiny / 2 { tensors.append(TestTensor("huge", .float32, huge, seed: seed)) }
        let shape = [[3], [], [0], [2, 5], [1]][index % 5]
        let dtype = dtypes[(index + Int(seed) / 2) % 4]
        tensors.append(TestTensor("tiny.\(index)", dtype, shape, seed: seed))
      }
      return tensors
    }
    for (index, name) in ["base", "a", "b"].enumerated() {
      try merge.model(name, tensors(UInt64(index)))
    }
    return merge
  }

  private func bytes(
    _ merge: TestMerge, _ recipe: String, threads: Int, memory: Int = 1 << 30,
    options: PlanOptions = PlanOptions(), registry: MethodRegistry = .builtIn
  ) async throws -> [String: [UInt8]] {
    let output = "out-\(threads)-\(memory)-\(options.seed)"
    let plan = try merge.plan(recipe, options: options, registry: registry)
    let summary = try await MergeExecutor(
      plan: plan, options: ExecutionOptions(threads: threads, memory: memory)
    ).run(into: merge.folder.appending(output))
    #expect(summary.tensors == plan.tensors.count)
    var files: [String: [UInt8]] = [:]
    for name in try merge.folder.names(output) where name != "README.md" {
      files[name] = try merge.folder.bytes("\(output)/\(name)")
    }
    return files
  }

  @Test func `bytes depend neither on threads nor on memory, but on the seed`() async throws {
    let merge = try models(60)
    let options = PlanOptions(shardSize: 100_000)
    let first = try await bytes(merge, Self.recipe, threads: 1, options: options)
    #expect(first.keys.filter { $0.hasSuffix(".safetensors") }.count > 1)
    for (threads, memory) in [(2, 1 << 30), (3, 64 << 20), (8, 4 << 30)] {
      let again = try await bytes(
        merge, Self.recipe, threads: threads, memory: memory, options: options)
      #expect(again == first)
    }
    let other = try await bytes(
      merge, Self.recipe, threads: 2, options: PlanOptions(shardSize: 100_000, seed: 1))
    for name in first.keys where name.hasSuffix(".safetensors") {
      #expect(other[name] != nil)
    }
    #expect(other.filter { $0.key.hasSuffix(".safetensors") }.contains { $1 != first[$0] })
  }

  @Test func `two thousand tiny tensors and a huge one`() async throws {
    let merge = try models(2000, huge: [3, 70_001])
    let recipe = """
      merge_method: task_arithmetic
      base_model: base
      models:
        - {model: a, parameters: {weight: 1}}
      dtype: float64
      """
    let results = try await merge.run(
      recipe, execution: ExecutionOptions(threads: 8, memory: 64 << 20))
    #expect(results.count == 2001)
    let models = try TestTensor.read(merge.folder.appending("a/model.safetensors"))
    let values = Dictionary(uniqueKeysWithValues: models.map { ($0.name, $0.values) })
    for tensor in results {
      let expected = try #require(values[tensor.name])
      #expect(difference(tensor.values, expected) < 1e-14)
    }
  }

  @Test func `what is dropped depends on nothing but seed, place, name and element`() async throws {
    let merge = try TestMerge()
    let base = TestTensor("t", .float32, [500], seed: 1)
    let others = (2..<4).map { TestTensor("u\($0)", .float32, [70], seed: $0) }
    for (index, name) in ["base", "a", "b"].enumerated() {
      let own = TestTensor("t", .float32, [500], seed: UInt64(index + 9), around: base)
      try merge.model(name, [own])
      try merge.model(name + "-more", others + [own])
    }
    func result(_ recipe: String) async throws -> [Double]? {
      try await merge.run(recipe).first { $0.name == "t" }?.values
    }
    let expected = try await result(Self.recipe)
    #expect(try await result(Self.recipe.replacing("  - model: base\n", with: "")) == expected)
    let more = Self.recipe.replacing("base_model: base", with: "base_model: base-more")
      .replacing("model: a", with: "model: a-more").replacing("model: b\n", with: "model: b-more\n")
      .replacing("  - model: base\n", with: "")
    #expect(try await result(more) == expected)
  }

  @Test(arguments: [1, 3])
  func `a survey covers the whole model where a method asks for it`(threads: Int) async throws {
    let merge = try TestMerge()
    let tensors = [
      TestTensor("a", .float32, [0], []), TestTensor("b", .float32, [300, 401], seed: 1),
      TestTensor("c", .float32, [0, 4], []), TestTensor("d", .float32, [], [-8]),
      TestTensor("e", .float32, [17], seed: 2), TestTensor("f", .float32, [0], []),
    ]
    try merge.model("m", tensors)
    let results = try await merge.run(
      "merge_method: model_scaling\nmodels: [{model: m}]\ndtype: float64",
      execution: ExecutionOptions(threads: threads), registry: .withSamples)
    let all = tensors.flatMap(\.values)
    let mean = all.reduce(0, +) / Double(all.count)
    for (result, tensor) in zip(results, tensors) {
      #expect(difference(result.values, tensor.values.map { $0 / 8 + mean }) < 1e-13)
    }
  }

  @Test func `a model without a single element is surveyed and merged`() async throws {
    let merge = try TestMerge()
    try merge.model(
      "m", [TestTensor("a", .float32, [0], []), TestTensor("b", .float32, [2, 0], [])])
    for method in ["model_scaling", "row_scaling", "reversal", "passthrough"] {
      let results = try await merge.run(
        "merge_method: \(method)\nmodels: [{model: m}]", registry: .withSamples)
      #expect(results.map(\.values) == [[], []])
    }
  }

  @Test func `rows and whole tensors stay together where a method asks for it`() async throws {
    let merge = try TestMerge()
    let shapes = [[700, 300], [1, 70_000], [5], [], [0, 3], [3, 0], [2, 3, 40_000]]
    let tensors = shapes.enumerated().map {
      TestTensor("t\($0)", .float32, $1, seed: UInt64($0))
    }
    try merge.model("m", tensors)
    let rows = try await merge.run(
      "merge_method: row_scaling\nmodels: [{model: m}]\ndtype: float64", registry: .withSamples)
    for (result, tensor) in zip(rows, tensors) {
      let row = max(tensor.shape.last ?? 1, 1)
      var expected: [Double] = []
      for start in stride(from: 0, to: tensor.values.count, by: row) {
        let values = tensor.values[start..<start + row]
        let sum = values.reduce(0) { $0 + $1.magnitude }
        expected += values.map { $0 / sum }
      }
      #expect(difference(result.values, expected) < 1e-15)
    }
    let whole = try await merge.run(
      "merge_method: reversal\nmodels: [{model: m}]", registry: .withSamples)
    #expect(whole.map(\.values) == tensors.map { Array($0.values.reversed()) })
  }

  @Test(arguments: [DType.float64, .float32, .bfloat16, .float16, .float8E5M2, .float8E4M3])
  func `the output may be wider or narrower than every input`(dtype: DType) async throws {
    let merge = try TestMerge()
    let inputs: [DType] = [.float8E4M3, .bfloat16, .float16]
    let tensors = inputs.enumerated().map {
      TestTensor("t\($0)", $1, [300, 301], seed: UInt64($0), scale: 0.3)
    }
    try merge.model("m", tensors)
    let copied = try await merge.run(
      "merge_method: passthrough\nmodels: [{model: m}]",
      options: PlanOptions(dtype: dtype))
    for tensor in tensors {
      let result = try #require(copied.first { $0.name == tensor.name })
      #expect(result.dtype == dtype)
      #expect(result.values == tensor.values.map { TestTensor.stored($0, dtype) })
    }
    let merged = try await merge.run(
      "merge_method: linear\nmodels: [{model: m, parameters: {weight: 1}}]",
      options: PlanOptions(dtype: dtype))
    #expect(merged == copied)
  }

  @Test func `integers that agree are copied`() async throws {
    let merge = try TestMerge()
    let counts = TestTensor("counts", .int64, [3], [1, -2, 0x1p40])
    let mask = TestTensor("mask", .bool, [70_000], (0..<70_000).map { Double($0 % 2) })
    for name in ["a", "b"] {
      try merge.model(name, [TestTensor("w", .bfloat16, [4], [1, 2, 3, 4]), counts, mask])
    }
    let recipe = """
      merge_method: linear
      models: [{model: a, parameters: {weight: 1}}, {model: b, parameters: {weight: 1}}]
      dtype: float32
      """
    let results = try await merge.run(recipe)
    #expect(results.first { $0.name == "counts" } == counts)
    #expect(results.first { $0.name == "mask" } == mask)
    #expect(results.first { $0.name == "w" }?.dtype == .float32)
  }

  @Test(arguments: ["task_arithmetic", "ties", "dare_linear", "dare_ties"])
  func `files of mixed types merge as their values do`(method: String) async throws {
    let merge = try TestMerge()
    let shape = [331, 251]
    let base = TestTensor("w", .bfloat16, shape, seed: 1)
    let models = [DType.float64, .float16, .float8E5M2].enumerated().map { index, dtype in
      TestTensor("w", dtype, shape, seed: UInt64(index + 2), scale: 0.01, around: base)
    }
    try merge.model("base", [base])
    for (index, model) in models.enumerated() { try merge.model("m\(index)", [model]) }
    let isDense = method == "task_arithmetic"
    let list = models.indices.map { index in
      "  - {model: m\(index), parameters: {weight: 0.\(index + 3)"
        + (isDense ? "}}" : ", density: 0.\(index + 4)}}")
    }.joined(separator: "\n")
    let recipe = "merge_method: \(method)\nbase_model: base\nmodels:\n\(list)\n"
    let results = try await merge.run(recipe, options: PlanOptions(seed: 3))
    #expect(results[0].dtype == .float64)
    var run = MethodRun(
      shape: shape, inputs: [base.values] + models.map(\.values), hasBase: true,
      models: models.indices.map { index in
        let weight = ParameterValue.number(Double("0.\(index + 3)") ?? 0)
        let density = ParameterValue.number(Double("0.\(index + 4)") ?? 0)
        return isDense ? ["weight": weight] : ["weight": weight, "density": density]
      }, seed: 3)
    run.name = "w"
    let type = try #require(MethodRegistry.builtIn[method])
    #expect(try results[0].values == run(any: type))
  }
}
