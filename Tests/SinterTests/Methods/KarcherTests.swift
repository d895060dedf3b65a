import Foundation
import SinterTensors
import Testing

@testable import Sinter

@Suite struct KarcherTests {
  /// Whole arrays, step by step.
  static func naive(_ models: [[Double]], steps: Int = 10, tolerance: Double = 1e-5) -> [Double] {
    if models.count == 1 { return models[0] }
    let lengths = models.map(Naive.length)
    let largest = lengths.max() ?? 0
    let directions = zip(models, lengths).filter { $0.1 > tolerance * largest }
      .map { model, length in model.map { $0 / length } }
    guard let first = directions.first else { return models[0].map { _ in 0 } }
    let share = 1 / Double(directions.count)
    var mean = directions.reduce(first.map { _ in 0 }) { Naive.sum($0, Naive.times(share, $1)) }
    let size = Naive.length(mean)
    mean = size < tolerance || size == 0 ? first : Naive.times(1 / size, mean)
    for _ in 0..<steps {
      var tangent = first.map { _ in 0.0 }
      for direction in directions {
        let cosine = min(max(Naive.dot(mean, direction), -1), 1)
        let angle = acos(cosine)
        if angle < tolerance || angle == 0 || .pi - angle <= max(tolerance, 1e-7) { continue }
        let step = Naive.difference(direction, Naive.times(cosine, mean))
        tangent = Naive.sum(tangent, Naive.times(share * angle / sin(angle), step))
      }
      let angle = Naive.length(tangent)
      if angle < tolerance || angle == 0 { break }
      mean = Naive.sum(Naive.times(cos(angle), mean), Naive.times(sin(angle) / angle, tangent))
      mean = Naive.times(1 / Naive.length(mean), mean)
    }
    return Naive.times(lengths.reduce(0, +) / Double(models.count), mean)
  }

  @Test(arguments: GramCases.dtypes)
  func `any number of models matches the naive result`(dtypes: [DType]) async throws {
    for count in [1, 2, 3, 6] {
      try await GramCases(models: count, dtypes: dtypes, seed: UInt64(count)).expect(
        "karcher", base: false
      ) { models, _, _ in Self.naive(models) }
    }
  }

  @Test(arguments: [0, 1, 50], [0.0, 1e-9, 0.01])
  func `steps and tolerance match the naive result`(steps: Int, tolerance: Double) async throws {
    try await GramCases(models: 4, dtypes: [.float32], seed: 9, shapes: [[], [3], [6, 5]]).expect(
      "karcher", base: false, parameters: ["max_iter": "\(steps)", "tol": "\(tolerance)"],
      tolerance: 1e-12
    ) { models, _, _ in Self.naive(models, steps: steps, tolerance: tolerance) }
  }

  @Test func `several tiles match the naive result`() async throws {
    let cases = GramCases(
      models: 3, dtypes: [.bfloat16], seed: 3, contents: [.apart], shapes: [[260, 257]])
    try await cases.expect("karcher", base: false) { models, _, _ in Self.naive(models) }
  }

  @Test func `a base model is one more input`() async throws {
    let cases = GramCases(models: 2, dtypes: [.float32], seed: 4, shapes: [[6, 5]])
    try await cases.expect("karcher", base: true) { models, base, _ in
      // Models come first, as in mergekit; the order decides a degenerate mean alone.
      Self.naive(models + [base ?? []])
    }
  }

  @Test func `identical models are given back`() async throws {
    for count in 1...3 {
      try await GramCases.expectIdentity("karcher", base: false, models: count)
    }
  }

  @Test func `the mean is as far from all as it can be`() async throws {
    // Three directions of unequal angles: at the mean the tangents cancel.
    let models = (0..<3).map { TestTensor("weight", .float64, [40], seed: UInt64($0)) }
    let cases = GramCases(groups: [[models[0]] + models])
    let result = try await cases.run(
      "karcher", base: false, parameters: ["max_iter": "200", "tol": "0"])
    let mean = Naive.times(1 / Naive.length(result[0].values), result[0].values)
    var tangent = mean.map { _ in 0.0 }
    for model in models {
      let direction = Naive.times(1 / Naive.length(model.values), model.values)
      let cosine = Naive.dot(mean, direction)
      let step = Naive.difference(direction, Naive.times(cosine, mean))
      tangent = Naive.sum(tangent, Naive.times(acos(cosine) / Naive.length(step), step))
    }
    #expect(Naive.length(tangent) < 1e-12)
  }

  static let special: [([[Double]], [Double])] = [
    ([[3, 0], [-3, 0]], [3, 0]),
    ([[0, 0], [0, 4]], [0, 2]),
    ([[0, 0], [0, 0]], [0, 0]),
    ([[1e-9, 0], [0, 1e-9]], [1e-9 / 2.0.squareRoot(), 1e-9 / 2.0.squareRoot()]),
    ([[2, 0], [0, 1e-9]], [1 + 5e-10, 0]),
  ]

  @Test(arguments: special)
  func `special vectors`(vectors: [[Double]], expected: [Double]) async throws {
    let tensors = vectors.map { TestTensor("weight", .float64, [2], $0) }
    let result = try await GramCases(groups: [[tensors[0]] + tensors]).run(
      "karcher", base: false)
    let error = Naive.length(Naive.difference(result[0].values, expected))
    #expect(error <= 1e-15 * Naive.length(expected))
  }
}
