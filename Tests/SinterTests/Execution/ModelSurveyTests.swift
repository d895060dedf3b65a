import Foundation
import SinterTensors
import Testing

@testable import Sinter

/// Runs the one method whose survey covers the whole model through files.
@Suite struct ModelSurveyTests {
  private static let shapes: [(String, DType, [Int])] = [
    ("a.empty", .float32, [0]), ("b.wide", .bfloat16, [700, 190]), ("c.scalar", .float32, []),
    ("d.one", .float16, [1]), ("e.empty", .bfloat16, [3, 0]), ("f.long", .float32, [70_003]),
    ("g.double", .float64, [5, 7]), ("h.empty", .float64, [0, 4]),
  ]

  private func tensors(_ seed: UInt64) -> [TestTensor] {
    Self.shapes.map { TestTensor($0.0, $0.1, $0.2, seed: seed) }
      + [TestTensor("i.count", .int64, [2], [7, 9])]
  }

  private static let recipe = """
    merge_method: ties
    base_model: base
    models:
      - model: a
        parameters: {weight: 0.7, density: 0.3}
      - model: b
        parameters: {weight: 0.5, density: 0.6}
    parameters: {semantics: paper}
    dtype: float64
    """

  private func models() throws -> TestMerge {
    let merge = try TestMerge()
    for (index, name) in ["base", "a", "b"].enumerated() {
      try merge.model(name, tensors(UInt64(index)))
    }
    return merge
  }

  /// What comes out, by sorting each task vector of the whole model.
  private func expected() -> [String: [Double]] {
    let inputs = (0..<3).map { seed in tensors(UInt64(seed)).dropLast() }
    // The order of the tensors in the plan is that of their names.
    var deltas: [[Double]] = []
    for (model, density) in [(1, 0.3), (2, 0.6)] {
      let all = zip(inputs[model], inputs[0]).flatMap { left, right in
        zip(left.values, right.values).map { $0 - $1 }
      }
      deltas.append(MethodReference.trimmed(all, density: density))
    }
    let merged = MethodReference.elected(
      inputs[0].flatMap(\.values), deltas, weights: [0.7, 0.5], .init(zero: 0))
    var start = 0
    var result: [String: [Double]] = [:]
    for tensor in inputs[0] {
      result[tensor.name] = Array(merged[start..<start + tensor.values.count])
      start += tensor.values.count
    }
    return result
  }

  @Test(arguments: [1, 2, 5], [100_000, 5_000_000_000])
  func `the trim of the whole model holds through files and shards`(
    threads: Int, shardSize: Int
  ) async throws {
    let merge = try models()
    let results = try await merge.run(
      Self.recipe, options: PlanOptions(shardSize: shardSize),
      execution: ExecutionOptions(threads: threads))
    let expected = expected()
    #expect(results.count == Self.shapes.count + 1)
    for result in results where result.name != "i.count" {
      let values = try #require(expected[result.name])
      #expect(
        values.isEmpty ? result.values.isEmpty : difference(result.values, values) < 1e-14,
        "\(result.name)")
    }
    let files = try merge.folder.names("out").filter { $0.hasSuffix(".safetensors") }
    #expect((files.count > 1) == (shardSize == 100_000))
  }

  @Test func `bytes depend neither on threads nor on shards`() async throws {
    let merge = try models()
    let first = try await merge.run(
      Self.recipe, execution: ExecutionOptions(threads: 1), output: "one")
    let other = try await merge.run(
      Self.recipe, options: PlanOptions(shardSize: 300_000),
      execution: ExecutionOptions(threads: 4), output: "two")
    #expect(first.count == other.count)
    for tensor in first { #expect(other.contains(tensor)) }
  }

  @Test func `a model of nothing but empty tensors comes through`() async throws {
    let merge = try TestMerge()
    for name in ["base", "a"] {
      try merge.model(
        name, [TestTensor("x", .float32, [0], []), TestTensor("y", .float32, [2, 0], [])])
    }
    for rescale in [false, true] {
      let results = try await merge.run(
        """
        merge_method: ties
        base_model: base
        models:
          - model: a
            parameters: {weight: 1, density: 0.5}
        parameters: {semantics: paper, rescale: \(rescale)}
        """)
      #expect(results.count == 2)
    }
  }

  @Test func `tensors with other semantics are no part of it`() async throws {
    let merge = try TestMerge()
    let base = [TestTensor("mlp", .float32, [4], [0, 0, 0, 0])]
    let zeros = base + [TestTensor("norm", .float32, [4], [0, 0, 0, 0])]
    try merge.model("base", zeros)
    try merge.model(
      "a",
      [
        TestTensor("mlp", .float32, [4], [1, 2, 3, 4]),
        TestTensor("norm", .float32, [4], [50, 60, 70, 80]),
      ])
    func results(_ semantics: String) async throws -> [[Double]] {
      try await merge.run(
        """
        merge_method: ties
        base_model: base
        models:
          - model: a
            parameters: {weight: 1, density: 0.5}
        parameters:
          semantics: \(semantics)
        """
      ).map(\.values)
    }
    #expect(try await results("paper") == [[0, 0, 0, 0], [50, 60, 70, 80]])
    #expect(
      try await results("[{filter: mlp, value: paper}, {value: mergekit}]")
        == [[0, 0, 3, 4], [0, 0, 70, 80]])
  }

  @Test func `NaN in one tensor is reported with its name`() async throws {
    let merge = try models()
    var broken = tensors(1)
    var values = broken[1].values
    values[5] = .nan
    broken[1] = TestTensor("b.wide", .bfloat16, [700, 190], values)
    try merge.model("a", broken)
    let error = await #expect(throws: DiagnosticError.self) { try await merge.run(Self.recipe) }
    #expect(error?.diagnostics.contains { $0.description.contains("b.wide") } == true)
    #expect(error?.diagnostics.contains { $0.description.contains("f.long") } == false)
  }
}
