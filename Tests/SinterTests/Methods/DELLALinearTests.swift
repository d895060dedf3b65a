import SinterTensors
import Testing

@testable import Sinter

@Suite struct DELLALinearTests {
  static func run(
    _ inputs: [[Double]], _ shape: [Int], density: Double, epsilon: Double,
    _ tensor: [String: ParameterValue] = [:], seed: UInt64 = 0
  ) -> MethodRun {
    MethodRun(
      shape: shape, inputs: inputs, hasBase: true, tensor: tensor,
      models: MethodRun.parameters(inputs.count - 1, seed: 5, density: density).map { values in
        values.merging(["epsilon": .number(epsilon)]) { $1 }
      }, seed: seed)
  }

  /// The task vectors as the formula has them: rescaled by matched sums or by probability.
  static func deltas(_ run: MethodRun, rescale: Bool, byProbability: Bool = false) -> [[Double]] {
    MethodReference.deltas(run.inputs).enumerated().map { model, delta in
      let (kept, probabilities) = MethodReference.ranked(
        delta, run.shape, density: run.number("density", ofModel: model),
        epsilon: run.number("epsilon", ofModel: model),
        random: CounterRandom(
          seed: run.seed, stream: CounterRandom.stream(model: model, tensor: run.name)))
      if !rescale { return kept }
      return byProbability
        ? zip(kept, probabilities).map { $0 / $1 } : MethodReference.rescaled(kept, from: delta)
    }
  }

  static let pairs = [(0, 0.2), (0.3, 0), (0.3, 0.29), (0.5, 0.2), (0.9, 0.05), (1, 0.15)]

  /// Shapes of the other methods, and some whose vectors along axis 1 do not lie in one piece.
  static let shapes = MethodRun.shapes + [[3, 60, 2], [2, 5, 3, 4], [2, 0, 3], [4, 1, 5]]

  @Test(arguments: shapes)
  func `elements are dropped by rank, rescaled and added`(shape: [Int]) throws {
    var seed: UInt64 = 0
    for (density, epsilon) in Self.pairs {
      for rescale in [false, true] {
        seed += 1
        if shape == [331, 251], seed % 5 != 3 { continue }
        let models = shape == [331, 251] ? 2 : 1 + Int(seed) % 6
        let run = Self.run(
          MethodRun.values(
            shape, models: models, dtypes: BreadcrumbsTests.types[Int(seed) % 4], seed: seed),
          shape, density: density, epsilon: epsilon, ["rescale": .boolean(rescale)], seed: seed)
        let expected = MethodReference.merge(
          run.inputs[0], Self.deltas(run, rescale: rescale),
          .init(weights: run.models.indices.map { run.number("weight", ofModel: $0) }))
        #expect(try difference(run(DELLALinear.self), expected) < 1e-12)
      }
    }
  }

  @Test func `equal magnitudes rank by index, and a row of zeros is nothing special`() throws {
    let shape = [40, 64]
    var random = TestRandom(seed: 8)
    let base = [Double](repeating: 0, count: 40 * 64)
    let model = base.indices.map { $0 < 64 ? 0 : Double(Int(random.next() % 3)) - 1 }
    var run = Self.run(
      [base, model], shape, density: 0.5, epsilon: 0.4, ["rescale": .boolean(false)])
    run.models[0]["weight"] = .number(1)
    let expected = Self.deltas(run, rescale: false)[0]
    #expect(try run(DELLALinear.self) == expected)
  }

  @Test func `rows of one element are kept with the density`() throws {
    let base = [Double](repeating: 0, count: 20_000)
    let model = base.map { _ in 1.0 }
    for shape in [[20_000, 1], [20_000, 1, 1]] {
      var run = Self.run(
        [base, model], shape, density: 0.3, epsilon: 0.2, ["rescale": .boolean(false)])
      run.models[0]["weight"] = .number(1)
      let kept = try run(DELLALinear.self).reduce(0, +)
      #expect(abs(kept - 6000) < 4.5 * (20_000 * 0.3 * 0.7).squareRoot())
    }
    let one = Self.run([[0], [1]], [], density: 0.3, epsilon: 0.2)
    #expect(try one(DELLALinear.self).allSatisfy { $0.isFinite })
  }

  @Test func `epsilon zero drops what linear DARE drops`() throws {
    let run = Self.run(
      MethodRun.values([331, 251], models: 2), [331, 251], density: 0.4, epsilon: 0, seed: 3)
    #expect(try difference(run(DELLALinear.self), run(DARELinear.self)) < 1e-13)
  }

  @Test func `the order of tiles is no matter and the seed is`() throws {
    var run = Self.run(
      MethodRun.values([331, 251], models: 2), [331, 251], density: 0.5, epsilon: 0.2)
    let first = try run(DELLALinear.self)
    run.order = 99
    #expect(try run(DELLALinear.self) == first)
    run.seed = 1
    #expect(try run(DELLALinear.self) != first)
  }

  @Test(arguments: [DType.float32, .bfloat16, .float64])
  func `identical models give the base to the last bit`(dtype: DType) throws {
    let base = MethodRun.values([20, 20], models: 0, dtypes: [dtype])[0]
    for semantics in ["mergekit", "paper"] {
      let run = Self.run(
        [base, base, base], [20, 20], density: 0.5, epsilon: 0.2,
        ["semantics": .choice(semantics)])
      #expect(try run(DELLALinear.self).map(\.bitPattern) == base.map(\.bitPattern))
      #expect(try run(DELLA.self).map(\.bitPattern) == base.map(\.bitPattern))
    }
  }

  @Test func `NaN does not trap`() throws {
    let run = Self.run(
      [[0, 0, 0, 0], [.nan, 1, .infinity, 1]], [2, 2], density: 0.5, epsilon: 0.2)
    #expect(try run(DELLALinear.self).count == 4)
  }

  @Test(arguments: [(0.1, 0.1), (0.1, 0.15), (0.9, 0.1), (0.85, 0.15), (0.5, 0.5)])
  func `a density and an epsilon that do not go together are found when planning`(
    density: Double, epsilon: Double
  ) {
    let run = Self.run([[0], [1], [1]], [1], density: density, epsilon: epsilon)
    let group = run.group(for: DELLA.declaration)
    let fault = #expect(throws: MethodFault.self) { try DELLA(group) }
    #expect(
      fault?.message
        == """
        density \(density) and epsilon \(epsilon) of 'model1' give probabilities that are not \
        between 0 and 1
        """)
    #expect(fault?.hint == "epsilon must be less than density and less than 1 - density")
    #expect(throws: MethodFault.self) { try DELLALinear(group) }
  }
}
