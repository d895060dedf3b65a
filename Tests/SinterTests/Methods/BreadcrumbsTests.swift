import SinterTensors
import Testing

@testable import Sinter

@Suite struct BreadcrumbsTests {
  static func run(
    _ inputs: [[Double]], _ shape: [Int], density: Double, gamma: Double,
    _ tensor: [String: ParameterValue] = [:]
  ) -> MethodRun {
    MethodRun(
      shape: shape, inputs: inputs, hasBase: true, tensor: tensor,
      models: MethodRun.parameters(inputs.count - 1, seed: 3, density: density).map { values in
        values.merging(["gamma": .number(gamma)]) { $1 }
      })
  }

  static func deltas(_ run: MethodRun, rescale: Bool) -> [[Double]] {
    MethodReference.deltas(run.inputs).enumerated().map { model, delta in
      let kept = MethodReference.withoutOutliers(
        delta, density: run.number("density", ofModel: model),
        gamma: run.number("gamma", ofModel: model))
      return rescale ? MethodReference.rescaled(kept, from: delta) : kept
    }
  }

  static let types: [[DType]] = [
    [.float32], [.bfloat16], [.float16], [.float32, .bfloat16, .float16],
  ]

  @Test(arguments: MethodRun.shapes)
  func `what lies between the bounds is added`(shape: [Int]) throws {
    var seed: UInt64 = 0
    for (density, gamma) in [
      (0, 0.1), (0.05, 0.01), (0.3, 0), (0.5, 0.2), (0.95, 0.2), (0.9, 1), (1, 0.5),
    ] {
      for rescale in [false, true] {
        seed += 1
        if shape == [331, 251], seed % 4 != 1 { continue }
        let models = shape == [331, 251] ? 2 : 1 + Int(seed) % 6
        let run = Self.run(
          MethodRun.values(
            shape, models: models, dtypes: Self.types[Int(seed) % 4], seed: seed), shape,
          density: density, gamma: gamma,
          ["rescale": .boolean(rescale), "lambda": .number(0.7)])
        let expected = MethodReference.merge(
          run.inputs[0], Self.deltas(run, rescale: rescale),
          .init(
            weights: run.models.indices.map { run.number("weight", ofModel: $0) }, lambda: 0.7))
        #expect(try difference(run(Breadcrumbs.self), expected) < 1e-12)
      }
    }
  }

  @Test func `ranks are those of the reference for ten elements`() throws {
    func kept(_ density: Double, _ gamma: Double) throws -> [Double] {
      // Magnitudes 1...10, so that a value is its rank, in an order that is not sorted.
      let values = [7.0, 1, 10, 4, 2, 9, 3, 6, 8, 5]
      var run = Self.run(
        [values.map { _ in 0 }, values], [10], density: density, gamma: gamma)
      run.models[0]["weight"] = .number(1)
      return try run(Breadcrumbs.self).filter { $0 != 0 }.sorted()
    }
    #expect(try kept(0.5, 0.2) == [4, 5, 6, 7, 8])
    #expect(try kept(0.95, 0.2) == [1, 2, 3, 4, 5, 6, 7, 8, 9])
    #expect(try kept(0.09, 0.2) == [])
    #expect(try kept(0.3, 0) == [8, 9, 10])
    // With fewer than 1/gamma elements there is no outlier to leave out.
    #expect(try kept(0.5, 0.09) == [6, 7, 8, 9, 10])
  }

  @Test(arguments: 1...12)
  func `tensors of few elements keep what they should, ties by index`(count: Int) throws {
    var random = TestRandom(seed: UInt64(count))
    for density in [0.1, 0.34, 0.5, 0.67, 0.9, 0.99] {
      for gamma in [0, 0.01, 0.1, 0.25, 0.5, 1] {
        // Three magnitudes at most, zero among them.
        let values = (0..<count).map { _ in Double(Int(random.next() % 5)) - 2 }
        var run = Self.run(
          [values.map { _ in 0 }, values], [count], density: density, gamma: gamma)
        run.models[0]["weight"] = .number(1)
        let expected = MethodReference.withoutOutliers(values, density: density, gamma: gamma)
        #expect(try run(Breadcrumbs.self) == expected)
      }
    }
  }

  @Test func `both bounds may lie among equal magnitudes of several tiles`() throws {
    let count = 3 * TileGrid.standardTileLength + 7
    var random = TestRandom(seed: 4)
    let values = (0..<count).map { _ in Double(Int(random.next() % 7)) - 3 }
    for (density, gamma) in [(0.2, 0.05), (0.55, 0.4)] {
      var run = Self.run(
        [values.map { _ in 0 }, values], [count], density: density, gamma: gamma)
      run.models[0]["weight"] = .number(1)
      let expected = MethodReference.withoutOutliers(values, density: density, gamma: gamma)
      #expect(try run(Breadcrumbs.self) == expected)
    }
  }

  @Test func `the default density keeps all and is task arithmetic`() throws {
    let run = MethodRun(
      shape: [257], inputs: MethodRun.values([257], models: 3), hasBase: true,
      models: MethodRun.parameters(3, seed: 2))
    #expect(try run(Breadcrumbs.self) == run(TaskArithmetic.self))
  }

  @Test(arguments: [DType.float32, .bfloat16, .float64])
  func `identical models give the base to the last bit`(dtype: DType) throws {
    let base = MethodRun.values([400], models: 0, dtypes: [dtype])[0] + [0, -0.0]
    for rescale in [true, false] {
      let run = Self.run(
        [base, base, base], [base.count], density: 0.5, gamma: 0.1,
        ["rescale": .boolean(rescale), "normalize": .boolean(true)])
      #expect(try run(Breadcrumbs.self).map(\.bitPattern) == base.map(\.bitPattern))
      #expect(try run(BreadcrumbsTIES.self).map(\.bitPattern) == base.map(\.bitPattern))
    }
  }

  @Test func `NaN neither traps nor vanishes`() throws {
    var run = Self.run(
      [[0, 0, 0, 0, 0, 0], [.nan, .nan, 3, 1, .infinity, 2]], [6], density: 0.4, gamma: 0.2)
    run.models[0]["weight"] = .number(1)
    let result = try run(Breadcrumbs.self)
    #expect(result[0].isNaN && result[1].isNaN)
    #expect(result[3] == 0)
  }

  @Test func `two histograms are declared where there are two bounds`() throws {
    func bytes(_ density: Double, _ gamma: Double) throws -> Int {
      let run = Self.run(
        [[Double](repeating: 0, count: 100), [Double](repeating: 1, count: 100)], [100],
        density: density, gamma: gamma)
      return try Breadcrumbs(run.group(for: Breadcrumbs.declaration)).surveyByteCount
    }
    #expect(try bytes(0.5, 0.1) == 2 * MagnitudeSelection.passByteCount)
    #expect(try bytes(0.5, 0) == MagnitudeSelection.passByteCount)
    #expect(try bytes(1, 0.1) == 0)
  }
}
