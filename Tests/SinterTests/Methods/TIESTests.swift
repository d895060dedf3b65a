import SinterTensors
import Testing

@testable import Sinter

@Suite struct TIESTests {
  private func expected(_ run: MethodRun, normalize: Bool, lambda: Double, rescale: Bool)
    -> [Double]
  {
    let deltas = MethodReference.deltas(run.inputs).enumerated().map { model, delta in
      let kept = MethodReference.trimmed(delta, density: run.number("density", ofModel: model))
      return rescale ? MethodReference.rescaled(kept, from: delta) : kept
    }
    return MethodReference.merge(
      run.inputs[0], deltas,
      .init(
        weights: run.models.indices.map { run.number("weight", ofModel: $0) }, vote: true,
        normalize: normalize, lambda: lambda))
  }

  private func run(
    _ inputs: [[Double]], _ shape: [Int], _ models: [[String: ParameterValue]],
    normalize: Bool = true, lambda: Double = 1, rescale: Bool = false
  ) -> MethodRun {
    MethodRun(
      shape: shape, inputs: inputs, hasBase: true,
      tensor: [
        "normalize": .boolean(normalize), "lambda": .number(lambda), "rescale": .boolean(rescale),
      ], models: models)
  }

  @Test(arguments: MethodRun.shapes)
  func `the largest differences that agree are merged`(shape: [Int]) throws {
    var seed: UInt64 = 0
    for density in [0, 0.01, 0.3, 0.5, 0.99, 1] {
      for (normalize, rescale) in [(true, false), (false, true)] {
        seed += 1
        // A large tensor goes through three of the twelve.
        if shape.count == 2, shape[0] > 300, seed % 4 != 1 { continue }
        let models = shape.count == 2 ? 2 : 1 + Int(seed) % 6
        let run = run(
          MethodRun.values(shape, models: models, seed: seed), shape,
          MethodRun.parameters(models, seed: seed, density: density), normalize: normalize,
          lambda: 1.3, rescale: rescale)
        #expect(
          try difference(
            run(TIES.self),
            expected(run, normalize: normalize, lambda: 1.3, rescale: rescale)) < 1e-12)
      }
    }
  }

  @Test(arguments: [0.2, 0.5, 0.77])
  func `among equal magnitudes the lowest index is kept first`(density: Double) throws {
    // Differences of bfloat16 models have few distinct magnitudes, so ties span several tiles.
    let count = 3 * TileGrid.standardTileLength + 11
    var random = TestRandom(seed: 9)
    let base = [Double](repeating: 1, count: count)
    let model = base.map { $0 + Double(Int(random.next() % 9)) / 128 - 4 / 128 }
    let run = run(
      [base, model], [count], [["weight": .number(0.5), "density": .number(density)]],
      normalize: false)
    let result = try run(TIES.self)
    let delta = MethodReference.trimmed(zip(model, base).map { $0 - $1 }, density: density)
    #expect(result == zip(base, delta).map { $0 + 0.5 * $1 })
  }

  @Test func `more than one run of tiles is surveyed`() throws {
    let count = 16 * TileGrid.standardTileLength + 4099
    let base = [Double](repeating: 0, count: count)
    let model = (0..<count).map { Double(($0 &* 7919) % 1000 - 500) / 1024 }
    let density = 0.4
    let run = run(
      [base, model], [count], [["weight": .number(1), "density": .number(density)]],
      normalize: false)
    let result = try run(TIES.self)
    let kept = result.indices.filter { result[$0] != 0 }
    #expect(kept.count == Int(density * Double(count)))
    #expect(kept.allSatisfy { result[$0] == model[$0] })
    let smallest = kept.map { abs(model[$0]) }.min() ?? 0
    let last = kept.last { abs(model[$0]) == smallest } ?? 0
    for i in 0..<count where result[i] == 0 {
      #expect(abs(model[i]) < smallest || abs(model[i]) == smallest && i > last)
    }
  }

  @Test func `all magnitudes equal keeps the first`() throws {
    let result = try run(
      [[0, 0, 0, 0], [1, -1, 1, -1]], [4], [["weight": .number(1), "density": .number(0.5)]])(
        TIES.self)
    #expect(result == [1, -1, 0, 0])
  }

  @Test func `at least one element is kept, but none at density zero`() throws {
    let models: (Double) -> [[String: ParameterValue]] = {
      [["weight": .number(1), "density": .number($0)]]
    }
    #expect(try run([[0, 0], [1, 2]], [2], models(0.01))(TIES.self) == [0, 2])
    #expect(try run([[0, 0], [1, 2]], [2], models(0))(TIES.self) == [0, 0])
    #expect(try run([[0], [1]], [], models(0.01))(TIES.self) == [1])
  }

  @Test func `identical models give the base to the last bit`() throws {
    let base = MethodRun.values([400], models: 0, dtypes: [.float64])[0] + [0, -0.0]
    for density in [0, 0.5, 1] {
      for rescale in [true, false] {
        let result = try run(
          [base, base, base], [base.count],
          MethodRun.parameters(2, seed: 1, density: density), rescale: rescale)(TIES.self)
        #expect(result.map(\.bitPattern) == base.map(\.bitPattern))
      }
    }
  }

  @Test func `a zero sum counts as positive and a negative weight flips the vote`() throws {
    let even: [[String: ParameterValue]] = [["weight": .number(1)], ["weight": .number(1)]]
    #expect(try run([[0], [2], [-2]], [1], even)(TIES.self) == [2])
    let flipped: [[String: ParameterValue]] = [["weight": .number(-1)], ["weight": .number(2)]]
    #expect(try run([[0], [3], [-1]], [1], flipped)(TIES.self) == [-5])
  }

  @Test func `a sum of weights that is zero but for rounding does not divide`() throws {
    let models = [0.1, 0.2, -0.3].map { ["weight": ParameterValue.number($0)] }
    let result = try run([[0, 0], [1, 1], [1, 1], [-1, 0]], [2], models)(TIES.self)
    #expect(difference(result, [0.6, 1]) < 1e-15)
  }

  @Test func `more NaN than is kept neither traps nor vanishes`() throws {
    let model: [Double] = [.nan, .nan, .nan, 1, .infinity, 2]
    let result = try run(
      [[0, 0, 0, 0, 0, 0], model], [6], [["weight": .number(1), "density": .number(0.2)]])(
        TIES.self)
    #expect(result[0...2].allSatisfy { $0.isNaN })
    #expect(result[3] == 0 && result[5] == 0)
  }

  @Test func `NaN is not voted out`() throws {
    let models: [[String: ParameterValue]] = [["weight": .number(1)], ["weight": .number(1)]]
    let result = try run([[0, 0], [.nan, 1], [-1, 1]], [2], models)(TIES.self)
    #expect(result[0].isNaN)
    #expect(result[1] == 1)
  }

  @Test func `histograms are declared for each model that is trimmed`() throws {
    let inputs = [[0.0], [1], [1], [1]]
    let run = run(
      inputs, [1],
      [
        ["weight": .number(1), "density": .number(0.5)], ["weight": .number(1)],
        ["weight": .number(1), "density": .number(0.1)],
      ])
    let method = try TIES(run.group(for: TIES.declaration))
    #expect(method.surveyByteCount == 2 * MagnitudeSelection.passByteCount)
  }
}
