import Foundation
import SinterTensors
import Testing

@testable import Sinter

/// Of what values that are not finite are told, when adapters change the model.
@Suite struct NonFiniteOriginTests {
  private let merge: TestMerge
  private static let recipe = "merge_method: passthrough\nmodels: [{model: base+a}]\n"

  init() throws {
    merge = try TestMerge()
  }

  /// A tensor with some of its values replaced.
  private func damaged(_ tensor: TestTensor, _ values: [Int: Double]) -> TestTensor {
    TestTensor(
      tensor.name, tensor.dtype, tensor.shape,
      tensor.values.enumerated().map { values[$0.offset] ?? $0.element })
  }

  /// What is told when the adapter is applied, without the folder's path.
  private func faults(
    _ base: [TestTensor], _ adapter: TestAdapter, _ text: String = recipe, dtype: DType? = nil
  ) async throws -> [String] {
    try merge.model("base", base)
    try adapter.write(to: merge.folder.appending("a"))
    let error = try await #require(throws: DiagnosticError.self) {
      try await merge.run(text, options: PlanOptions(dtype: dtype))
    }
    return error.diagnostics.map {
      $0.description.replacingOccurrences(of: merge.folder.path + "/", with: "")
    }
  }

  private static let hint =
    "hint: the adapter is damaged or diverged in training; --allow-non-finite merges it all the same"

  /// A model of one tensor, worked on in tiles or in blocks, and an adapter with a factor that may
  /// be damaged.
  private func sample(
    _ rows: Int, _ a: [Int: Double] = [:], _ b: [Int: Double] = [:]
  ) -> (base: TestTensor, adapter: TestAdapter) {
    var adapter = TestAdapter([("q", rows, 600)])
    let module = adapter.modules[0]
    adapter.modules = [.init(name: "q", a: damaged(module.a, a), b: damaged(module.b, b))]
    return (TestTensor("q.weight", .float32, [rows, 600], seed: 1), adapter)
  }

  @Test(arguments: [3, 9])
  func `a factor that is not finite is told of the adapter`(rows: Int) async throws {
    var (base, adapter) = sample(rows, [7: .nan])
    let name = "base_model.model.q.lora_"
    #expect(
      try await faults([base], adapter) == [
        "a/adapter_model.safetensors: error: tensor '\(name)A.weight': 1 of 1200 values are NaN or "
          + "infinite\n" + Self.hint
      ])
    (base, adapter) = sample(rows, [7: .nan], [0: .infinity, 1: .nan])
    let both = try await faults([base], adapter)
    #expect(both.count == 2 && both[0].contains("\(name)A.weight': 1 of 1200"), "\(both)")
    #expect(both.last?.contains("\(name)B.weight': 2 of \(2 * rows)") == true)
  }

  @Test func `a base that is not finite is told of the base, with its own count`() async throws {
    let (base, adapter) = sample(9, [7: .nan])
    let faults = try await faults([damaged(base, [0: .infinity])], adapter)
    #expect(faults.count == 2)
    #expect(
      faults.first?.hasPrefix(
        "base/model.safetensors: error: tensor 'q.weight': 1 of 5400 values are NaN or infinite")
        == true)
    #expect(faults.last?.contains("lora_A.weight': 1 of 1200") == true)
  }

  @Test(arguments: [3, 9])
  func `products that overflow are told of the arithmetic`(rows: Int) async throws {
    let base = TestTensor("q.weight", .float64, [rows, 600], seed: 1)
    var adapter = TestAdapter([("q", rows, 600)], dtype: .float64)
    let module = adapter.modules[0]
    adapter.modules = [
      .init(
        name: "q", a: damaged(module.a, [0: 1e200]), b: damaged(module.b, [0: 1e200]))
    ]
    #expect(
      try await faults([base], adapter) == [
        "error: tensor 'q.weight' of 'base+a': 1 of \(rows * 600) values become NaN or infinite when "
          + "adapters are applied, though all that is stored is finite\n"
          + "hint: the updates leave the range of numbers; --allow-non-finite merges them all the same"
      ])
  }

  @Test func `tensors that take the place of the model's`() async throws {
    let base = TestTensor("q.weight", .float32, [3, 5], seed: 1)
    var adapter = TestAdapter([])
    adapter.extra = [
      damaged(TestTensor("base_model.model.q.weight", .float32, [3, 5], seed: 2), [4: .nan])
    ]
    // What nothing is taken of does not matter.
    let faults = try await faults([damaged(base, [0: .nan])], adapter)
    #expect(faults.count == 1)
    #expect(
      faults.first?.hasPrefix(
        "a/adapter_model.safetensors: error: tensor 'base_model.model.q.weight': 1 of 15 values")
        == true, "\(faults)")
  }

  @Test func `a table of another size`() async throws {
    let table = TestTensor("model.embed_tokens.weight", .float32, [5, 4], seed: 1)
    var adapter = TestAdapter([])
    adapter.extra = [
      damaged(
        TestTensor("base_model.model.model.embed_tokens.weight", .float32, [7, 4], seed: 2),
        [4: .nan])
    ]
    for dtype in [DType.float32, .float64] {
      let faults = try await faults(
        [table], adapter, "dtype: \(dtype == .float32 ? "bfloat16" : "float64")\n" + Self.recipe)
      #expect(
        faults.map { $0.hasPrefix("a/adapter_model.safetensors: error: tensor 'base_model.") } == [
          true
        ], "\(faults)")
    }
  }

  @Test func `merges of several models name the one at fault`() async throws {
    let (base, adapter) = sample(9, [7: .nan])
    try merge.model("other", [base])
    let faults = try await faults(
      [base], adapter,
      "merge_method: linear\nmodels: [{model: other, parameters: {weight: 1}}, "
        + "{model: base+a, parameters: {weight: 1}}]\n")
    #expect(faults.count == 1)
    #expect(faults.first?.contains("lora_A.weight': 1 of 1200") == true)
  }
}
