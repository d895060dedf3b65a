import Foundation
import SinterTensors
import Testing

@testable import Sinter

/// Formulas in whole merges, beside the methods that they spell out.
struct FormulaMergeTests {
  private static let body = """
    base_model: ./base
    models:
      - {model: ./a, as: a}
      - {model: ./b, as: b}
    """

  /// Three models of several tensors, one of them of several tiles, one frozen, one empty.
  private func merge(_ dtype: DType = .float32) throws -> TestMerge {
    let merge = try TestMerge()
    let shapes: [(String, [Int])] = [
      ("model.layers.0.mlp.weight", [70, 1000]), ("model.layers.0.norm.weight", [7]),
      ("model.layers.1.mlp.weight", [3, 5]), ("model.layers.1.norm.weight", []),
      ("model.layers.1.empty.weight", [0, 4]),
    ]
    let base = shapes.map { TestTensor($0.0, dtype, $0.1, seed: 1, scale: 0.05) }
    try merge.model("base", base)
    for (seed, name) in [(UInt64(2), "a"), (3, "b")] {
      try merge.model(
        name,
        base.map { tensor in
          tensor.name.contains("0.norm")
            ? tensor
            : TestTensor(
              tensor.name, dtype, tensor.shape, seed: seed, scale: 0.01, around: tensor)
        })
    }
    return merge
  }

  @Test(arguments: [DType.float32, .bfloat16])
  func `linear as a formula gives the same bytes`(dtype: DType) async throws {
    let merge = try merge(dtype)
    let builtIn = try await merge.run(
      """
      merge_method: linear
      models:
        - {model: ./a, parameters: {weight: 0.3}}
        - {model: ./b, parameters: {weight: 0.7}}
      parameters: {normalize: false}
      """)
    let formula = try await merge.run(
      "merge_method: formula\nmodels: [model: ./a, model: ./b]\nformula: 0.3 * a + 0.7 * b")
    #expect(formula == builtIn)
  }

  @Test func `task arithmetic as a formula agrees`() async throws {
    let merge = try merge()
    let builtIn = try await merge.run(
      """
      merge_method: task_arithmetic
      base_model: ./base
      models:
        - {model: ./a, parameters: {weight: 0.3}}
        - {model: ./b, parameters: {weight: -0.6}}
      parameters: {lambda: 0.9}
      """)
    let formula = try await merge.run(
      "merge_method: formula\n" + Self.body + """

        parameters: {l: 0.9}
        formula: |
          base + l * (0.3 * (a - base) - 0.6 * (b - base))
        """)
    Self.expectSame(formula, builtIn)
  }

  @Test func `slerp as a formula agrees`() async throws {
    let merge = try merge()
    let builtIn = try await merge.run(
      "merge_method: slerp\nbase_model: ./base\nmodels: [model: ./a]\nparameters: {t: 0.3}")
    let formula = try await merge.run(
      """
      merge_method: formula
      base_model: ./base
      models: [model: ./a]
      parameters: {t: 0.3}
      formula: |
        c = cos(base, a)
        angle = acos(c)
        u = where(abs(c) > 0.9995, 1 - t, sin((1 - t) * angle) / sin(angle))
        v = where(abs(c) > 0.9995, t, sin(t * angle) / sin(angle))
        u * base + v * a
      """)
    Self.expectSame(formula, builtIn)
  }

  @Test func `nearswap as a formula gives the formula's value`() async throws {
    let merge = try merge()
    let result = try await merge.run(
      """
      merge_method: formula
      base_model: ./base
      models: [model: ./a]
      parameters: {t: 0.004}
      formula: |
        w = clamp(t / max(abs(base - a), 1e-6), 0, 1)
        w * a + (1 - w) * base
      """)
    let base = try TestTensor.read(merge.folder.appending("base/model.safetensors"))
    let model = try TestTensor.read(merge.folder.appending("a/model.safetensors"))
    for tensor in result {
      let (x, y) = (base.first { $0.name == tensor.name }, model.first { $0.name == tensor.name })
      let exact = try zip(#require(x).values, #require(y).values).map { a, c in
        let w = min(max(0.004 / max(abs(a - c), 1e-6), 0), 1)
        return TestTensor.stored(w * c + (1 - w) * a, .float32)
      }
      #expect(tensor.values == exact)
    }
  }

  @Test func `facts are the same on any number of threads`() async throws {
    let merge = try merge()
    let recipe =
      "merge_method: formula\n" + Self.body + """

        parameters: {k: 0.7}
        formula: |
          m = a - base
          c = b - base
          share = where(norm(c) > 0, norm(m) / norm(c), 0)
          mask = abs(m) >= quantile(abs(m), 0.8)
          base + k * where(mask, m, 0) + (1 - k) * c * share * where(random() < 0.5, 1, 0.5)
        """
    var results: [[TestTensor]] = []
    for threads in [1, 3] {
      results.append(
        try await merge.run(
          recipe, execution: ExecutionOptions(threads: threads, overwrites: true)))
    }
    #expect(results[0] == results[1])
    let base = try TestTensor.read(merge.folder.appending("base/model.safetensors"))
    let frozen = results[0].first { $0.name.contains("0.norm") }
    #expect(frozen == base.first { $0.name.contains("0.norm") })
  }

  @Test func `parameters take filters and gradients`() async throws {
    let merge = try merge()
    let result = try await merge.run(
      """
      merge_method: formula
      base_model: ./base
      models: [model: ./a]
      parameters:
        k:
          - {filter: norm, value: 0}
          - value: [1, 3]
      formula: base * k
      """)
    let base = try TestTensor.read(merge.folder.appending("base/model.safetensors"))
    for (tensor, input) in zip(result, base) {
      let k = tensor.name.contains("norm") ? 0.0 : tensor.name.contains(".0.") ? 1 : 3
      #expect(tensor.values == input.values.map { TestTensor.stored($0 * k, .float32) })
    }
  }

  @Test func `a number that is not finite is reported with its tensor`() async throws {
    let merge = try merge()
    await #expect(throws: DiagnosticError.self) {
      try await merge.run(
        "merge_method: formula\n" + Self.body + "\nformula: base + (a - base) / norm(a - base) + b")
    }
  }

  @Test func `the example in the repository can be planned, and warns of nothing`() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let file = root.path + "/Examples/skills/formula.yml"
    let recipe = try MergeRecipe.read(
      text: String(contentsOfFile: file, encoding: .utf8), file: file,
      methods: MethodRegistry.builtIn.declarations)
    let plan = try MergePlanner(resolver: LocalModelResolver(recipeFile: file)).plan(recipe)
    #expect(plan.remarks.isEmpty)
    #expect(plan.method.parameters.map(\.name) == ["keep", "k"])
  }

  private static func expectSame(_ results: [TestTensor], _ expected: [TestTensor]) {
    #expect(results.map(\.name) == expected.map(\.name))
    for (result, other) in zip(results, expected) {
      for (value, exact) in zip(result.values, other.values) where value != exact {
        // The order of operations moves the last bits of a Double, and now and then the rounding.
        let neighbours = [exact.nextUp, exact.nextDown].map { Double(Float($0)) }
        #expect(
          (value - exact).magnitude <= 0x1p-23 * exact.magnitude || neighbours.contains(value))
      }
      let differing = zip(result.values, other.values).count { $0 != $1 }
      #expect(differing * 10_000 <= result.values.count)
    }
  }
}
