import SinterTensors
import Testing

@testable import Sinter

/// Holds each meaning of a name against its own formula.
@Suite struct TaskVectorSemanticsTests {
  private static func weights(_ run: MethodRun) -> [Double] {
    run.models.indices.map { run.number("weight", ofModel: $0) }
  }

  /// A tensor of a model with random weights, one of them negative.
  private static func run(
    _ shape: [Int], models: Int, seed: UInt64, semantics: String, density: Double,
    _ tensor: [String: ParameterValue] = [:]
  ) -> MethodRun {
    MethodRun(
      shape: shape,
      inputs: MethodRun.values(
        shape, models: models, dtypes: BreadcrumbsTests.types[Int(seed) % 4], seed: seed),
      hasBase: true, tensor: tensor.merging(["semantics": .choice(semantics)]) { $1 },
      models: MethodRun.parameters(models, seed: seed, density: density), seed: seed)
  }

  // MARK: TIES

  /// The largest of what a model changes in all tensors, of equal magnitudes the first.
  private func trimmed(_ groups: [MethodRun], model: Int, kept: Int) -> [[Double]] {
    let deltas = groups.map { MethodReference.deltas($0.inputs)[model] }
    let all = deltas.flatMap { $0 }
    let order = all.indices.sorted { (-abs(all[$0]), $0) < (-abs(all[$1]), $1) }
    let chosen = Set(order.prefix(kept))
    var start = 0
    return deltas.map { delta in
      defer { start += delta.count }
      return delta.indices.map { chosen.contains(start + $0) ? delta[$0] : 0 }
    }
  }

  private func paper(
    _ groups: [MethodRun], kept: Int, normalize: Bool = true, rescale: Bool = false
  ) -> [[Double]] {
    var deltas = groups.map { _ in [[Double]]() }
    for model in groups[0].models.indices {
      let thinned = trimmed(groups, model: model, kept: kept)
      let before = groups.flatMap { MethodReference.deltas($0.inputs)[model] }
      let factor = MethodReference.l1(before) / MethodReference.l1(thinned.flatMap { $0 })
      for (group, delta) in thinned.enumerated() {
        deltas[group].append(rescale && kept > 0 ? delta.map { $0 * factor } : delta)
      }
    }
    return groups.indices.map { group in
      MethodReference.elected(
        groups[group].inputs[0], deltas[group], weights: Self.weights(groups[group]),
        .init(zero: 0), normalize: normalize, lambda: 1.2)
    }
  }

  @Test(arguments: [0, 0.0001, 0.3, 0.8, 1])
  func `TIES of the paper trims over all tensors`(density: Double) throws {
    for (models, normalize, rescale) in [(1, true, false), (4, true, false), (3, false, true)] {
      let groups = MethodRun.shapes.enumerated().map { index, shape in
        // Weights must be those of the model in every tensor.
        var run = Self.run(
          shape == [331, 251] ? [70_001] : shape, models: models, seed: UInt64(index),
          semantics: "paper", density: density,
          [
            "lambda": .number(1.2), "normalize": .boolean(normalize),
            "rescale": .boolean(rescale),
          ])
        run.models = MethodRun.parameters(models, seed: 1, density: density)
        return run
      }
      let count = groups.reduce(0) { $0 + $1.inputs[0].count }
      let kept = density > 0 ? max(1, Int(density * Double(count))) : 0
      let expected = paper(groups, kept: kept, normalize: normalize, rescale: rescale)
      let results = try ModelRun(groups: groups)(TIES.self)
      for (result, values) in zip(results, expected) {
        #expect(result.isEmpty || difference(result, values) < 1e-12)
      }
    }
  }

  @Test func `among equal magnitudes the first tensors win, whatever the order of work`() throws {
    var random = TestRandom(seed: 3)
    let counts = [5, 0, 70_000, 1, 66_000]
    let groups = counts.map { count in
      let values = (0..<count).map { _ in Double(Int(random.next() % 5)) - 2 }
      return MethodRun(
        shape: [count], inputs: [values.map { _ in 0 }, values], hasBase: true,
        tensor: ["semantics": .choice("paper")],
        models: [["weight": .number(1), "density": .number(0.63)]])
    }
    let total = counts.reduce(0, +)
    let expected = trimmed(groups, model: 0, kept: Int(0.63 * Double(total)))
    for order in [UInt64(1), 2] {
      #expect(try ModelRun(groups: groups, order: order)(TIES.self) == expected)
    }
  }

  @Test func `a density for each tensor adds up to one number of elements`() throws {
    let (shapes, densities) = ([[40], [7, 9], [200]], [0.1, 0.9, 0.25])
    let groups = zip(shapes, densities).enumerated().map { index, pair in
      Self.run(
        pair.0, models: 2, seed: UInt64(index), semantics: "paper", density: pair.1,
        ["lambda": .number(1.2)])
    }
    let kept = Int(0.1 * 40 + 0.9 * 63 + 0.25 * 200)
    let results = try ModelRun(groups: groups)(TIES.self)
    for (result, values) in zip(results, paper(groups, kept: kept)) {
      #expect(difference(result, values) < 1e-12)
    }
  }

  @Test func `models are told apart by name and place where tensors have others`() throws {
    // The first tensor comes from a and b, the second from b and b: three task vectors.
    let group = { (values: [[Double]], names: [String]) in
      MergeGroup(
        tensor: "t", shape: [2], inputs: ["base"] + names, hasBase: true,
        parameters: GroupParameters(
          tensor: ["semantics": .choice("paper"), "normalize": .boolean(false)],
          inputs: [[:]]
            + names.map { _ in ["weight": .number(1), "density": .number(0.5)] }), seed: 0)
    }
    let methods = [
      try TIES(group([[1, 2], [3, 4]], ["a", "b"])),
      try TIES(group([[5, 6], [7, 8]], ["b", "b"])),
    ]
    let survey = TIES.makeSurvey(methods)
    #expect(survey.makePartial().vectors.count == 3)
  }

  @Test func `the meanings of TIES differ where they should`() throws {
    func merged(_ semantics: String, _ weights: [Double], _ columns: [[Double]]) throws -> [Double]
    {
      let run = MethodRun(
        shape: [columns[0].count], inputs: [columns[0].map { _ in 0 }] + columns, hasBase: true,
        tensor: ["semantics": .choice(semantics)],
        models: weights.map { ["weight": .number($0)] })
      return try run(TIES.self)
    }
    // The heavier model is outvoted when votes have no weight.
    let split = [[3.0], [-2.0]]
    #expect(try merged("mergekit", [0.25, 1], split) == [-2])
    #expect(try merged("paper", [0.25, 1], split) == [3])
    #expect(try merged("peft", [0.25, 1], split) == [0.75])
    // A draw elects +, or nobody.
    let draw = [[2.0], [-2.0]]
    #expect(try merged("mergekit", [1, 1], draw) == [2])
    #expect(try merged("paper", [1, 1], draw) == [0])
    #expect(try merged("peft", [1, 1], draw) == [2])
    // Two agree: the weighted mean, or the weighted sum over their number.
    let agree = [[2.0], [4.0]]
    #expect(try merged("mergekit", [0.5, 1.5], agree) == [3.5])
    #expect(try merged("paper", [0.5, 1.5], agree) == [3.5])
    #expect(try merged("peft", [0.5, 1.5], agree) == [3.5])
    #expect(try merged("peft", [1.5, 1.5], agree) == [4.5])
    #expect(try merged("paper", [1.5, 1.5], agree) == [3])
  }

  @Test(arguments: MethodRun.shapes)
  func `TIES of PEFT counts the models that agree`(shape: [Int]) throws {
    for (index, density) in [0, 0.001, 0.3, 0.8, 1].enumerated() {
      if shape == [331, 251], index % 3 != 2 { continue }
      for normalize in [true, false] {
        let run = Self.run(
          shape, models: shape == [331, 251] ? 2 : 1 + index, seed: UInt64(index),
          semantics: "peft", density: density,
          ["normalize": .boolean(normalize), "lambda": .number(1.2)])
        let deltas = MethodReference.deltas(run.inputs).map { delta in
          // No element is kept where density·n is below one.
          density < 1 && Int(density * Double(delta.count)) == 0
            ? delta.map { _ in 0 } : MethodReference.trimmed(delta, density: density)
        }
        let expected = MethodReference.elected(
          run.inputs[0], deltas, weights: Self.weights(run), .init(counts: true),
          normalize: normalize, lambda: 1.2)
        #expect(try difference(run(TIES.self), expected) < 1e-12)
      }
    }
  }

  // MARK: DARE

  private func dropped(_ run: MethodRun, _ density: Double, rescale: Bool) -> [[Double]] {
    MethodReference.deltas(run.inputs).enumerated().map { model, delta in
      let kept = MethodReference.dropped(
        delta, density: density, seed: run.seed, model: model, name: run.name)
      return rescale && density > 0 ? kept.map { $0 / density } : kept
    }
  }

  @Test(arguments: MethodRun.shapes, ["paper", "peft"])
  func `DARE of the paper divides by the density`(shape: [Int], semantics: String) throws {
    for (index, density) in [0, 0.1, 0.5, 1].enumerated() {
      for rescale in [true, false] {
        let run = Self.run(
          shape, models: 1 + index, seed: UInt64(index), semantics: semantics, density: density,
          ["rescale": .boolean(rescale)])
        let deltas = dropped(run, density, rescale: rescale)
        let linear = MethodReference.merge(
          run.inputs[0], deltas, .init(weights: Self.weights(run)))
        #expect(try difference(run(DARELinear.self), linear) < 1e-12)
        let voted = MethodReference.elected(
          run.inputs[0], deltas, weights: Self.weights(run),
          .init(zero: semantics == "paper" ? 0 : 1, counts: semantics == "peft"))
        #expect(try difference(run(DARETIES.self), voted) < 1e-12)
      }
    }
  }

  @Test func `DARE of the paper needs no survey`() throws {
    let run = Self.run([257], models: 2, seed: 1, semantics: "paper", density: 0.5)
    let method = try DARELinear(run.group(for: DARELinear.declaration))
    #expect(DARELinear.makeSurvey([method]).isComplete)
  }

  @Test func `what DARE TIES divides by follows the semantics until the recipe says`() throws {
    func merged(_ semantics: String, normalize: Bool?) throws -> [Double] {
      var run = MethodRun(
        shape: [1], inputs: [[0], [2], [4]], hasBase: true,
        tensor: ["semantics": .choice(semantics)],
        models: [["weight": .number(0.5)], ["weight": .number(1.5)]])
      if let normalize { run.tensor["normalize"] = .boolean(normalize) }
      return try run(DARETIES.self)
    }
    #expect(try merged("mergekit", normalize: nil) == [7])
    #expect(try merged("mergekit", normalize: true) == [3.5])
    #expect(try merged("paper", normalize: nil) == [3.5])
    #expect(try merged("paper", normalize: false) == [7])
    #expect(try merged("peft", normalize: nil) == [3.5])
    #expect(try merged("peft", normalize: false) == [7])
  }

  // MARK: DELLA

  @Test(arguments: DELLALinearTests.shapes)
  func `DELLA of the paper divides each element by its probability`(shape: [Int]) throws {
    for (index, (density, epsilon)) in DELLALinearTests.pairs.enumerated() {
      if shape == [331, 251], index != 3 { continue }
      var run = Self.run(
        shape, models: shape == [331, 251] ? 2 : 1 + index, seed: UInt64(index),
        semantics: "paper", density: density)
      for model in run.models.indices { run.models[model]["epsilon"] = .number(epsilon) }
      let deltas = DELLALinearTests.deltas(run, rescale: true, byProbability: true)
      let linear = MethodReference.merge(
        run.inputs[0], deltas, .init(weights: Self.weights(run)))
      #expect(try difference(run(DELLALinear.self), linear) < 1e-12)
      let voted = MethodReference.elected(
        run.inputs[0], deltas, weights: Self.weights(run), .init(zero: 0))
      #expect(try difference(run(DELLA.self), voted) < 1e-12)
    }
  }

  // MARK: All

  @Test(arguments: ["paper", "peft"], [DType.float32, .bfloat16, .float64])
  func `identical models give the base to the last bit`(semantics: String, dtype: DType) throws {
    let base = MethodRun.values([400], models: 0, dtypes: [dtype])[0] + [0, -0.0]
    let run = MethodRun(
      shape: [402], inputs: [base, base, base], hasBase: true,
      tensor: ["semantics": .choice(semantics)],
      models: MethodRun.parameters(2, seed: 1, density: 0.5))
    for result in [try run(TIES.self), try run(DARELinear.self), try run(DARETIES.self)] {
      #expect(result.map(\.bitPattern) == base.map(\.bitPattern))
    }
  }
}
