import SinterTensors
import Testing

@testable import Sinter

@Suite struct DARELinearTests {
  private func run(
    _ inputs: [[Double]], _ shape: [Int], density: Double, rescale: Bool = true, seed: UInt64 = 0
  ) -> MethodRun {
    MethodRun(
      shape: shape, inputs: inputs, hasBase: true, tensor: ["rescale": .boolean(rescale)],
      models: MethodRun.parameters(inputs.count - 1, seed: 7, density: density), seed: seed)
  }

  /// Which elements of one model of ones over a base of zeros are kept.
  private func mask(
    _ count: Int, density: Double, seed: UInt64 = 0, name: String = "t", model: Int = 0
  ) throws -> [Bool] {
    var inputs = [[Double]](repeating: [Double](repeating: 0, count: count), count: model + 2)
    inputs[model + 1] = [Double](repeating: 1, count: count)
    var run = run(inputs, [count], density: density, rescale: false, seed: seed)
    run.name = name
    return try run(DARELinear.self).map { $0 != 0 }
  }

  @Test(arguments: MethodRun.shapes, [true, false])
  func `elements are dropped one by one, rescaled and added`(
    shape: [Int], rescale: Bool
  ) throws {
    for density in [0, 0.1, 0.5, 1] {
      let models = shape.count == 2 ? 2 : 4
      let run = run(
        MethodRun.values(shape, models: models), shape, density: density, rescale: rescale,
        seed: 42)
      let deltas = MethodReference.deltas(run.inputs).enumerated().map { model, delta in
        let kept = MethodReference.dropped(
          delta, density: density, seed: 42, model: model, name: run.name)
        return rescale ? MethodReference.rescaled(kept, from: delta) : kept
      }
      let expected = MethodReference.merge(
        run.inputs[0], deltas,
        .init(weights: (0..<models).map { run.number("weight", ofModel: $0) }))
      #expect(try difference(run(DARELinear.self), expected) < 1e-12)
    }
  }

  @Test(arguments: [0.01, 0.3, 0.5, 0.9])
  func `the share of kept elements is the density`(density: Double) throws {
    let count = 100_000
    let kept = try mask(count, density: density).count { $0 }
    let deviation = (Double(count) * density * (1 - density)).squareRoot()
    #expect(abs(Double(kept) - Double(count) * density) < 4.5 * deviation)
  }

  @Test func `blocks of elements keep a binomial number`() throws {
    // Blocks of 64 elements at density 0.5: the squared deviations sum to a chi-square.
    let mask = try mask(64_000, density: 0.5)
    let blocks = stride(from: 0, to: mask.count, by: 64).map { start in
      Double(mask[start..<start + 64].count { $0 })
    }
    let chiSquare = blocks.reduce(0) { $0 + ($1 - 32) * ($1 - 32) / 16 }
    let freedom = Double(blocks.count)
    #expect(abs(chiSquare - freedom) < 4.5 * (2 * freedom).squareRoot())
  }

  @Test func `masks of models, tensors and seeds are independent`() throws {
    let count = 40_000
    let first = try mask(count, density: 0.5)
    let others = [
      try mask(count, density: 0.5, model: 1), try mask(count, density: 0.5, name: "u"),
      try mask(count, density: 0.5, seed: 1),
      // The same mask shifted by an element.
      [first[count - 1]] + first.dropLast(),
    ]
    for other in others {
      let equal = zip(first, other).count { $0 == $1 }
      #expect(abs(Double(equal) - Double(count) / 2) < 4.5 * Double(count).squareRoot() / 2)
    }
  }

  @Test func `a higher density keeps what a lower one keeps`() throws {
    let low = try mask(5000, density: 0.2)
    let high = try mask(5000, density: 0.6)
    #expect(zip(low, high).allSatisfy { !$0 || $1 })
  }

  @Test func `the sum of magnitudes is restored`() throws {
    let base = [Double](repeating: 0, count: 100_000)
    let model = MethodRun.values([100_000], models: 0)[0]
    let result = try MethodRun(
      shape: [100_000], inputs: [base, model], hasBase: true,
      models: [["weight": .number(1), "density": .number(0.3)]])(DARELinear.self)
    #expect(
      abs(MethodReference.l1(result) / MethodReference.l1(model) - 1) < 1e-12)
    // Not by the density but by what was in fact kept: the factor is the same everywhere.
    let factors = zip(result, model).filter { $0.0 != 0 && $0.1 != 0 }.map { $0 / $1 }
    #expect((factors.max() ?? 0) - (factors.min() ?? 1) < 1e-12)
    #expect(abs((factors.first ?? 0) - 1 / 0.3) > 1e-6)
  }

  @Test func `density one is task arithmetic, and zero the base`() throws {
    let inputs = MethodRun.values([331, 251], models: 2)
    let one = run(inputs, [331, 251], density: 1)
    #expect(try one(DARELinear.self) == one(TaskArithmetic.self))
    #expect(try run(inputs, [331, 251], density: 0)(DARELinear.self) == inputs[0])
  }

  @Test func `the order of tiles is no matter and the seed is`() throws {
    var run = run(MethodRun.values([331, 251], models: 2), [331, 251], density: 0.5)
    let first = try run(DARELinear.self)
    run.order = 99
    #expect(try run(DARELinear.self) == first)
    run.seed = 1
    #expect(try run(DARELinear.self) != first)
  }

  @Test func `identical models give the base to the last bit`() throws {
    let base = MethodRun.values([400], models: 0, dtypes: [.float64])[0] + [0, -0.0]
    let result = try run([base, base, base], [base.count], density: 0.5)(DARELinear.self)
    #expect(result.map(\.bitPattern) == base.map(\.bitPattern))
  }

  @Test func `an infinite sum does not spread to other elements`() throws {
    let result = try run(
      [[0, 0, 0, 0], [.infinity, 1, 1, 1]], [4], density: 0.99)(DARELinear.self)
    #expect(result.dropFirst().allSatisfy { $0.isFinite })
  }
}
