import SinterTensors
import Testing

@testable import Sinter

@Suite struct NonFiniteReportTests {
  private func report(_ counts: [NonFiniteCount], isError: Bool) throws -> [Diagnostic] {
    let merge = try TestMerge()
    for name in ["a", "b"] {
      try merge.model(name, [TestTensor("w", .float32, [10], seed: 1)])
    }
    let plan = try merge.plan(
      """
      merge_method: linear
      models: [{model: a, parameters: {weight: 1}}, {model: b, parameters: {weight: 1}}]
      dtype: float16
      """)
    return NonFiniteReport(counts, plan: plan, isError: isError).diagnostics
  }

  @Test func `each input at fault is named`() throws {
    let count = NonFiniteCount(tensor: "w", inputs: [2, 10], results: 10)
    let errors = try report([count], isError: true)
    #expect(
      errors.map(\.message) == [
        "tensor 'w': 2 of 10 values are NaN or infinite",
        "tensor 'w': 10 of 10 values are NaN or infinite",
      ])
    #expect(errors.allSatisfy { $0.severity == .error && $0.hint != nil })
    #expect(errors.map { $0.file?.hasSuffix("/a/model.safetensors") } == [true, false])
    let warnings = try report([count], isError: false)
    #expect(warnings.map(\.severity) == [.warning, .warning, .warning])
    #expect(warnings.last?.message == "tensor 'w': 10 of 10 results are NaN or infinite")
    #expect(warnings.allSatisfy { $0.hint == nil })
  }

  @Test func `results that do not fit are laid at the type's door`() throws {
    let count = NonFiniteCount(tensor: "w", inputs: [0, 0], results: 3)
    #expect(
      try report([count], isError: true).map(\.message) == [
        "tensor 'w': 3 of 10 results do not fit in F16 and would become infinite or NaN"
      ])
    #expect(
      try report([count], isError: false).map(\.message) == [
        "tensor 'w': 3 of 10 results do not fit in F16 and became infinite or NaN"
      ])
  }

  @Test func `results that no type can hold are not laid at the type's door`() throws {
    let count = NonFiniteCount(tensor: "w", inputs: [0, 0], results: 3, unrounded: 2)
    let errors = try report([count], isError: true)
    #expect(errors.map(\.message) == ["tensor 'w': 3 of 10 results are NaN or infinite"])
    #expect(errors.first?.hint?.contains("type") == false)
  }

  @Test func `counts of tiles add up`() {
    var count = NonFiniteCount(tensor: "w", inputs: [1, 0], results: 2)
    count.add(NonFiniteCount(tensor: "w", inputs: [3, 5], results: 1, unrounded: 1))
    #expect(count.inputs == [4, 5])
    #expect(count.results == 3)
    #expect(count.unrounded == 1)
  }
}
