import SinterTensors
import Testing

@testable import Sinter

struct FormulaMethodTests {
  // MARK: Against a naive interpreter

  @Test(arguments: [0, 1, 2, 65, 1025, 2100])
  func `random formulas give what whole arrays give`(count: Int) throws {
    var random = TestRandom(seed: UInt64(count), "formulas")
    var tested = 0
    for round in 0..<(count > 1000 ? 8 : 25) {
      let names = ["base", "a", "b"]
      var inputs = names.map { _ in (0..<count).map { _ in random.normal() } }
      if round % 5 == 0 { inputs[1] = inputs[0] }
      let expression = RandomFormula.vector(1 + round % 5, &random, names: names)
      let naive = RandomFormula(
        inputs: Dictionary(uniqueKeysWithValues: zip(names, inputs)), parameters: ["k": 0.7],
        count: count)
      let expected = naive.value(expression)
      guard expected.allSatisfy({ $0.magnitude < 1e12 }) else { continue }
      let result = try InMemory(expression.text, inputs, parameters: ["k": 0.7]).run(
        tileLength: 2048)
      // A comparison of numbers that differ in their last bits alone may come out either way.
      let differing = zip(result, expected).count { value, exact in
        (value - exact).magnitude > 1e-9 * max(1, exact.magnitude)
      }
      #expect(differing * 100 <= count, "\(expression.text): \(differing) of \(count)")
      tested += 1
    }
    #expect(tested > 5)
  }

  @Test func `the cut into tiles and threads decides nothing but the last bits of sums`() throws {
    var random = TestRandom(seed: 9)
    let inputs = (0..<3).map { _ in (0..<3000).map { _ in random.normal() } }
    let formula = "base + where(abs(a) >= quantile(abs(a), 0.8), a, random() * b)"
    let whole = try InMemory(formula, inputs).run(tileLength: 3000)
    #expect(try InMemory(formula, inputs).run(tileLength: 1100) == whole)
    #expect(try InMemory(formula, inputs).run(tileLength: 777) == whole)
  }

  // MARK: Facts

  static let facts: [(String, Double)] = [
    ("sum(a)", 11), ("sum(a > 1)", 3), ("mean(a)", 2.2), ("mean(a >= 4)", 0.2),
    ("norm(a)", 6.244997998398398), ("dot(a, base)", 31), ("max_abs(a)", 5),
    ("cos(a, a)", 1), ("cos(a, a * 0)", 0), ("cos(a, -a)", -1), ("var(a)", 2.96),
    ("quantile(a, 0)", 0), ("quantile(a, 0.24)", 0), ("quantile(a, 0.25)", 1),
    ("quantile(a, 0.5)", 2), ("quantile(a, 0.99)", 3), ("quantile(a, 1)", 5),
    ("quantile(-a, 0)", -5), ("quantile(a / norm(a), 1)", 0.8006407690254357),
    ("max_abs(a - mean(a) - quantile(a - mean(a), 0))", 5),
  ]

  @Test(arguments: facts)
  func `facts cover the whole tensor`(fact: String, value: Double) throws {
    let a: [Double] = [5, 1, 0, 3, 2]
    let result = try InMemory("0 * base + \(fact)", [[1, 2, 3, 4, 6], a]).run(tileLength: 2)
    for element in result {
      #expect((element - value).magnitude <= 1e-15 * max(1, value.magnitude))
    }
  }

  @Test func `many quantiles are found a few at a time`() throws {
    var random = TestRandom(seed: 4)
    let a = (0..<500).map { _ in random.normal() }
    let sorted = a.sorted()
    let terms = (0..<10).map { "quantile(a, 0.\($0))" }.joined(separator: " + ")
    let result = try InMemory("0 * a + " + terms, [a, a]).run(tileLength: 100)
    let exact = (0..<10).map { sorted[Int(Double("0.\($0)")! * 499)] }.reduce(0, +)
    #expect((result[0] - exact).magnitude < 1e-12)
  }

  @Test func `a formula that is one model is a copy`() throws {
    #expect(try InMemory("a", [[1], [2]]).method.copiedInput == 1)
    #expect(try InMemory("x = base\nx", [[1], [2]]).method.copiedInput == 0)
    #expect(try InMemory("a + 0", [[1], [2]]).method.copiedInput == nil)
  }

  @Test func `a quantile must be one that there is`() throws {
    let inputs: [[Double]] = [[1, 2, 3], [4, 6, 5]]
    #expect(throws: MethodFault("the fraction of 'quantile' must be from 0 to 1, found 1.5")) {
      try InMemory("a + quantile(a, k)", inputs, parameters: ["k": 1.5])
    }
    let formula = "0 * a + quantile(a, 1 - k - 0.1)"
    #expect(try InMemory(formula, inputs, parameters: ["k": 0.9]).run(tileLength: 3) == [4, 4, 4])
    #expect(try InMemory("0 * a + quantile(a, sum(a))", inputs).run(tileLength: 3) == [6, 6, 6])
  }

  @Test func `what is not a number does no harm`() throws {
    let inputs: [[Double]] = [[-1, .nan, 3], [.infinity, 6, -.infinity]]
    for formula in [
      "a + quantile(log(base), 0.5)", "a * max_abs(base) + var(a)", "a + quantile(a, sum(base))",
      "where(base > 0 or not base < 1, random() / 0, cos(a, base)) + sqrt(base)",
    ] {
      #expect(try InMemory(formula, inputs).run(tileLength: 2).count == 3)
    }
  }

  // MARK: Random numbers

  @Test func `random numbers are even and belong to seed, tensor, call and element`() throws {
    let zeros = [Double](repeating: 0, count: 16_000)
    func draw(_ formula: String, seed: UInt64 = 1, tensor: String = "t") throws -> [Double] {
      try InMemory(formula, [zeros, zeros], seed: seed, tensor: tensor).run(tileLength: 4096)
    }
    let first = try draw("random()")
    #expect(try draw("random()") == first)
    #expect(first.allSatisfy { $0 >= 0 && $0 < 1 })
    // Sixteen equal parts: chi-square with 15 degrees of freedom stays below 37.7 in 999 of 1000.
    var counts = [Double](repeating: 0, count: 16)
    for value in first { counts[Int(value * 16)] += 1 }
    #expect(counts.map { ($0 - 1000) * ($0 - 1000) / 1000 }.reduce(0, +) < 37.7)
    for other in [
      try draw("random()", seed: 2), try draw("random()", tensor: "u"),
      try draw("0 * random() + random()"),
    ] {
      let covariance = zip(first, other).map { ($0 - 0.5) * ($1 - 0.5) }.reduce(0, +) / 16_000
      #expect(covariance.magnitude < 4 / 12 / 126)
    }
    #expect(try draw("r = random()\nr - r").allSatisfy { $0 == 0 })
    #expect(try draw("random() - random()").contains { $0 != 0 })
  }

  // MARK: Faults

  @Test(arguments: FormulaFunction.allCases)
  func `the method says how each function is written`(function: FormulaFunction) {
    #expect(FormulaMethod.declaration.formula.contains(function.usage))
  }

  @Test func `a group must have what the formula names`() throws {
    let formula = try #require(InMemory.formula("a + k", ["a"], ["k"]))
    func fault(_ aliases: [String?], _ parameters: [String: ParameterValue]) -> String? {
      let group = MergeGroup(
        tensor: "t", shape: Shape([1]), inputs: ["a"], hasBase: false,
        parameters: GroupParameters(tensor: parameters, inputs: [[:]]), seed: 0,
        formula: formula, aliases: aliases)
      do throws(MethodFault) {
        _ = try FormulaMethod(group)
        return nil
      } catch {
        return error.message
      }
    }
    #expect(fault(["a"], ["k": .number(1)]) == nil)
    #expect(fault(["b"], [:]) == "the formula uses 'a', which is none of the inputs")
    #expect(fault(["a"], [:]) == "the formula uses 'k', which has no value")
  }
}

/// A formula with its inputs in memory, run tile by tile.
struct InMemory {
  let method: FormulaMethod
  private let inputs: [[Double]]

  /// Prepares a formula over `base`, `a`, `b` and so on.
  init(
    _ text: String, _ inputs: [[Double]], parameters: [String: Double] = [:], seed: UInt64 = 7,
    tensor: String = "t"
  ) throws {
    let aliases = ["base", "a", "b", "c"].prefix(inputs.count)
    let formula = try #require(
      Self.formula(text, Array(aliases.dropFirst()), Array(parameters.keys)))
    method = try FormulaMethod(
      MergeGroup(
        tensor: tensor, shape: Shape([inputs[0].count]), inputs: Array(aliases), hasBase: true,
        parameters: GroupParameters(
          tensor: parameters.mapValues { .number($0) }, inputs: inputs.map { _ in [:] }),
        seed: seed, formula: formula, aliases: aliases.map { $0 == "base" ? nil : $0 }))
    self.inputs = inputs
  }

  static func formula(_ text: String, _ models: [String], _ parameters: [String]) -> Formula? {
    Formula.read(
      FormulaText(text),
      names: FormulaNames(models: models, hasBase: true, parameters: parameters)
    ).formula
  }

  func run(tileLength: Int) -> [Double] {
    let count = inputs[0].count
    var survey = FormulaMethod.makeSurvey([method])
    let ranges = stride(from: 0, to: count, by: tileLength).map { $0..<min($0 + tileLength, count) }
    while !survey.isComplete {
      var folded = survey
      for (tile, range) in ranges.enumerated() {
        var partial = survey.makePartial()
        var rows = self.rows(range)
        var scratch = Tile<Double>(rows: 0, capacity: 0)
        method.survey(
          &rows, scratch: &scratch, at: TilePosition(group: 0, tile: tile, elements: range),
          survey, into: &partial)
        folded.add(partial)
      }
      folded.finishPass()
      survey = folded
    }
    var result: [Double] = []
    for (tile, range) in ranges.enumerated() {
      var output = [Double](repeating: .nan, count: range.count)
      var rows = self.rows(range)
      var scratch = Tile<Double>(rows: 0, capacity: 0)
      var span = output.mutableSpan
      method.merge(
        &rows, scratch: &scratch, at: TilePosition(group: 0, tile: tile, elements: range), survey,
        into: &span)
      result += output
    }
    return result
  }

  private func rows(_ range: Range<Int>) -> Tile<Double> {
    var tile = Tile<Double>(rows: inputs.count, capacity: range.count)
    for (row, values) in inputs.enumerated() {
      var span = tile.mutableRow(row)
      for i in 0..<range.count { span[i] = values[range.lowerBound + i] }
    }
    return tile
  }
}
