import Sinter
import Testing

@testable import SinterCommands

@Suite struct NumberedNameTests {
  @Test func `components of digits are numbers`() {
    let name = NumberedName("model.layers.12.mlp.experts.3.w1.weight")
    #expect(name.template == ["model", "layers", "*", "mlp", "experts", "*", "w1", "weight"])
    #expect(name.numbers == [12, 3])
    #expect(NumberedName("a..b").template == ["a", "", "b"])
    #expect(NumberedName("").template == [""])
  }

  @Test(arguments: [
    (["a.0.b"], "a.0.b"), (["a.0.b", "a.1.b"], "a.*.b"), (["a.0.b.2", "a.1.b.2"], "a.*.b.2"),
    (["a.3.b.0", "a.3.b.1"], "a.3.b.*"), (["a"], "a"),
  ])
  func `numbers that agree are shown`(names: [String], pattern: String) {
    #expect(NumberedName.pattern(of: names.map { NumberedName($0) }) == pattern)
  }

  @Test func `a number too large for an integer is text`() {
    #expect(NumberedName("a.99999999999999999999").numbers.isEmpty)
  }
}

@Suite struct ParameterSummaryTests {
  private func range(_ values: [Double]) -> String? {
    ParameterSummary.range(of: values.map { .number($0) })
  }

  @Test func `a gradient is shown by its ends`() {
    #expect(range([]) == nil)
    #expect(range([0.5, 0.5]) == "0.5")
    #expect(range([0, 0.5, 1]) == "0…1")
    #expect(range([1, 0.5, 0.25]) == "1…0.25")
  }

  @Test func `a gradient that returns shows where it went`() {
    #expect(range([0, 0.2, 0.9, 0]) == "0…0.9…0")
    #expect(
      ParameterSummary.range(of: [.boolean(true), .boolean(false), .boolean(true)]) == "varies")
  }

  @Test func `values are shown with four decimals`() {
    #expect(range([1.0 / 3]) == "0.3333")
    #expect(range([0.00001]) == "1e-05")
    #expect(range([3]) == "3")
  }
}
