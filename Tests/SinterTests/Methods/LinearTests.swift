import SinterTensors
import Testing

@testable import Sinter

@Suite struct LinearTests {
  private func run(
    _ inputs: [[Double]], _ shape: [Int], weights: [Double], normalize: Bool = true
  ) throws -> [Double] {
    try MethodRun(
      shape: shape, inputs: inputs, hasBase: false,
      tensor: ["normalize": .boolean(normalize)],
      models: weights.map { ["weight": .number($0)] })(Linear.self)
  }

  @Test(arguments: MethodRun.shapes, [true, false])
  func `the result is the weighted sum`(shape: [Int], normalize: Bool) throws {
    for models in 1...6 where models < 3 || shape.count < 2 {
      let inputs = Array(MethodRun.values(shape, models: models - 1, seed: UInt64(models)))
      var random = TestRandom(seed: UInt64(models))
      let weights = (0..<models).map { _ in random.uniform() - 0.2 }
      let result = try run(inputs, shape, weights: weights, normalize: normalize)
      let expected = MethodReference.linear(inputs, weights: weights, normalize: normalize)
      #expect(difference(result, expected) < 1e-14)
    }
  }

  @Test(arguments: [[0.1, 0.2, 0.7], [1, 1, 1], [0.3, -0.1, 1e-3], [3, 7, 1e10]])
  func `identical models give themselves to the last bit`(weights: [Double]) throws {
    var random = TestRandom(seed: 3)
    let values =
      (0..<500).map { _ in random.normal() }
      + [0, -0.0, .leastNonzeroMagnitude, 1.5e308, -.greatestFiniteMagnitude]
    let result = try run([values, values, values], [values.count], weights: weights)
    #expect(result.map(\.bitPattern) == values.map(\.bitPattern))
  }

  @Test func `elements on which all models agree stay while others change`() throws {
    let first = [0.1, 0.2, 0.3, 1.1]
    let second = [0.1, 0.7, 0.3, 1.2]
    let result = try run([first, second, first], [4], weights: [0.1, 0.2, 0.7])
    #expect(result[0] == 0.1)
    #expect(result[2] == 0.3)
    #expect(result[1] > 0.2 && result[1] < 0.7)
  }

  @Test func `weights without normalization scale identical models`() throws {
    let result = try run([[1, 2], [1, 2]], [2], weights: [1, 1], normalize: false)
    #expect(result == [2, 4])
  }

  @Test func `a weight of one alone gives that model`() throws {
    let inputs = MethodRun.values([300], models: 2)
    #expect(try run(inputs, [300], weights: [0, 1, 0]) == inputs[1])
  }

  @Test func `NaN in one model is NaN in the result`() throws {
    let result = try run([[.nan, 1], [.nan, 1]], [2], weights: [0.5, 0.5])
    #expect(result[0].isNaN)
    #expect(result[1] == 1)
  }

  @Test(arguments: [[1.0, -1], [0, 0], [0.1, 0.2, -0.3]])
  func `weights that sum to zero are refused`(weights: [Double]) {
    let inputs = weights.map { _ in [1.0] }
    let error = #expect(throws: MethodFault.self) { try run(inputs, [1], weights: weights) }
    #expect(error?.message.hasSuffix("sum to zero and cannot be normalized") == true)
    #expect(throws: Never.self) {
      try run(inputs, [1], weights: weights, normalize: false)
    }
  }

  @Test func `weights whose sum is infinite are refused`() {
    let error = #expect(throws: MethodFault.self) {
      try run([[1], [1]], [1], weights: [1e308, 1e308])
    }
    #expect(error?.message == "the sum of the weights 1e+308, 1e+308 is too large to divide by")
  }
}
