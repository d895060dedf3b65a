import SinterTensors
import Testing

@testable import Sinter

@Suite struct SLERPTests {
  private func run(_ inputs: [[Double]], _ shape: [Int], t: Double) throws -> [Double] {
    try MethodRun(
      shape: shape, inputs: inputs, hasBase: true, tensor: ["t": .number(t)], models: [[:]])(
        SLERP.self)
  }

  @Test(arguments: MethodRun.shapes, [0, 0.25, 0.5, 1])
  func `the result lies on the arc`(shape: [Int], t: Double) throws {
    let base = TestTensor("base", .float32, shape, seed: 1).values
    let far = TestTensor("far", .float32, shape, seed: 2, scale: 0.5).values
    #expect(
      try difference(
        run([base, far], shape, t: t), MethodReference.slerp(base, far, t: t)) < 1e-12)
    let near = MethodRun.values(shape, models: 1)
    #expect(
      try difference(
        run(near, shape, t: t), MethodReference.slerp(near[0], near[1], t: t)) < 1e-12)
  }

  @Test func `more than one run of tiles is surveyed in order`() throws {
    let count = 17 * TileGrid.standardTileLength + 5
    var random = TestRandom(seed: 5)
    let base = (0..<count).map { _ in random.uniform() - 0.5 }
    let model = (0..<count).map { _ in random.uniform() - 0.5 }
    var merge = MethodRun(
      shape: [count], inputs: [base, model], hasBase: true, tensor: ["t": .number(0.3)],
      models: [[:]])
    let result = try merge(SLERP.self)
    #expect(difference(result, MethodReference.slerp(base, model, t: 0.3)) < 1e-11)
    merge.order = 2
    #expect(try merge(SLERP.self) == result)
  }

  @Test(arguments: [0.0, 0.1, 0.3, 0.9, 1])
  func `identical models give themselves to the last bit`(t: Double) throws {
    var random = TestRandom(seed: 3)
    let values = (0..<500).map { _ in random.normal() }
    #expect(try run([values, values], [500], t: t) == values)
  }

  @Test func `the ends are the models`() throws {
    for scale in [0.002, 1] {
      let base = TestTensor("base", .float32, [100], seed: 1)
      let model = TestTensor("model", .float32, [100], seed: 2, scale: scale, around: base).values
      #expect(try difference(run([base.values, model], [100], t: 0), base.values) < 1e-15)
      #expect(try difference(run([base.values, model], [100], t: 1), model) < 1e-15)
    }
  }

  @Test func `zero vectors are kept as they are`() throws {
    let zero = [Double](repeating: 0, count: 4)
    #expect(try run([zero, zero], [4], t: 0.5) == zero)
    // As in mergekit the angle to a zero vector is a right one.
    let half = try run([zero, [1, 2, 3, 4]], [4], t: 0.5)
    #expect(difference(half, [1, 2, 3, 4].map { $0 * 0.5.squareRoot() }) < 1e-15)
  }

  @Test func `opposite vectors go along the straight line`() throws {
    #expect(try run([[1, -2], [-1, 2]], [2], t: 0.25) == [0.5, -1])
  }

  @Test func `the length of large and small vectors is no matter`() throws {
    let (base, model) = ([3e-160, 0], [0, 4e-160])
    let result = try run([base, model], [2], t: 0.5)
    #expect(difference(result, [3e-160, 4e-160].map { $0 * 0.5.squareRoot() }) < 1e-6)
  }
}
