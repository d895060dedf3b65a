import Foundation
import SinterTensors
import Testing

@testable import Sinter

@Suite struct MultiSLERPTests {
  /// Whole arrays, step by step as published, the tangents included.
  static func naive(
    _ models: [[Double]], _ base: [Double]?, weights: [Double], normalize: Bool, eps: Double = 1e-8,
    leastAngle: Double = 1e-8
  ) -> [Double] {
    if models.count == 1 { return models[0] }
    let origin = base ?? models[0].map { _ in 0 }
    let vectors = models.map { Naive.difference($0, origin) }
    let total = weights.reduce(0, +)
    let shares = normalize ? weights.map { $0 / total } : weights
    let lengths = vectors.map(Naive.length)
    let directions = zip(vectors, lengths).map { vector, length in
      vector.map { $0 / (length + eps) }
    }
    let mean = weighted(directions, shares)
    let size = Naive.length(mean)
    if size <= eps * shares.reduce(0, { $0 + $1.magnitude }) {
      return Naive.sum(origin, weighted(vectors, shares))
    }
    let unit = mean.map { $0 / size }
    let tangents = directions.map { direction in
      Naive.difference(direction, Naive.times(Naive.dot(direction, unit), unit))
    }
    let step = weighted(tangents, shares)
    let angle = Naive.length(step) + leastAngle
    let direction = Naive.sum(
      Naive.times(cos(angle), unit), Naive.times(sin(angle) / angle, step))
    let length = zip(shares, lengths).reduce(0) { $0 + $1.0 * $1.1 }
    return Naive.sum(origin, Naive.times(length, direction))
  }

  static func weighted(_ vectors: [[Double]], _ weights: [Double]) -> [Double] {
    zip(vectors, weights).reduce(vectors[0].map { _ in 0 }) {
      Naive.sum($0, Naive.times($1.1, $1.0))
    }
  }

  static let weights = [0.5, 0.3, 0.4, 0.25, 0.7, 0.11]

  @Test(arguments: GramCases.dtypes, [false, true])
  func `any number of models matches the naive result`(dtypes: [DType], base: Bool) async throws {
    for (count, normalize) in [(1, true), (2, false), (3, true), (6, false)] {
      let cases = GramCases(models: count, dtypes: dtypes, seed: UInt64(count))
      let weights = Array(Self.weights.prefix(count))
      try await cases.expect(
        "multislerp", base: base, weights: weights,
        parameters: ["normalize_weights": "\(normalize)"]
      ) { models, base, _ in
        Self.naive(models, base, weights: weights, normalize: normalize)
      }
    }
  }

  @Test func `several tiles match the naive result`() async throws {
    let cases = GramCases(
      models: 3, dtypes: [.bfloat16], seed: 3, contents: [.near, .opposite], shapes: [[260, 257]])
    try await cases.expect("multislerp", base: true, weights: [1, 2, 3]) { models, base, _ in
      Self.naive(models, base, weights: [1, 2, 3], normalize: true)
    }
  }

  @Test(arguments: [[2.0, -1.0], [-1, -3], [1, -1], [-0.5, 0.75]], [1e-8, 0.02])
  func `weights of either sign match the naive result`(weights: [Double], eps: Double) async throws
  {
    let cases = GramCases(models: 2, dtypes: [.float32], seed: 8, shapes: [[6, 5], [1]])
    try await cases.expect(
      "multislerp", base: false, weights: weights,
      parameters: ["normalize_weights": "false", "eps": "\(eps)"], tolerance: 1e-9
    ) { models, base, _ in
      Self.naive(models, base, weights: weights, normalize: false, eps: eps, leastAngle: 1e-8)
    }
  }

  /// Without a measured length, 1e-10 of the length of either vector is lost in their products.
  @Test func `directions that cancel are measured`() async throws {
    let first = TestTensor("weight", .float64, [31, 9], seed: 1)
    for distance in [1e-2, 1e-5, 1e-7] {
      let second = TestTensor(
        "weight", .float64, [31, 9], seed: 2, scale: 0.02 * distance, around: first)
      let cases = GramCases(groups: [[first, first, second]])
      let result = try await cases.run(
        "multislerp", base: false, weights: [1, -1],
        parameters: ["normalize_weights": "false", "eps": "1e-12"])
      let exact = Self.naive(
        [first.values, second.values], nil, weights: [1, -1], normalize: false, eps: 1e-12)
      // The rounding of directions is the unit; their difference is shorter by the distance.
      let error = Naive.length(Naive.difference(result[0].values, exact)) / Naive.length(exact)
      #expect(error < 1e-13 / distance, "off by \(error) at distance \(distance)")
    }
  }

  @Test func `identical models are given back`() async throws {
    for (base, count) in [(false, 2), (true, 2), (false, 3), (true, 3), (true, 1)] {
      try await GramCases.expectIdentity(
        "multislerp", base: base, models: count, weights: Array([0.3, 0.5, 0.1].prefix(count)))
      try await GramCases.expectIdentity(
        "multislerp", base: base, models: count,
        weights: Array(count == 3 ? [0.7, 0.2, 0.1] : [0.9, 0.1].prefix(count)),
        parameters: ["normalize_weights": "false"])
    }
  }

  @Test(arguments: [[1.0, -1.0], [0, 0], [1e-300, -1e-300]])
  func `normalized weights that sum to zero are a fault of the plan`(weights: [Double]) throws {
    let merge = try TestMerge()
    let tensor = TestTensor("weight", .float32, [2, 2], seed: 1)
    try merge.model("a", [tensor])
    try merge.model("b", [tensor])
    let faults = merge.faults(
      """
      merge_method: multislerp
      models:
      - {model: ./a, parameters: {weight: \(weights[0])}}
      - {model: ./b, parameters: {weight: \(weights[1])}}
      """)
    let list = weights.map { ParameterValue.number($0).description }.joined(separator: ", ")
    #expect(
      faults.contains(
        """
        recipe.yml:2:1: error: tensor 'weight': the weights \(list) cancel, and cannot be divided \
        by their sum
        hint: change a weight, or set 'normalize_weights: false'
        """
      ))
  }

  @Test func `three directions that cancel give the weighted sum`() async throws {
    let values = [[1.0, 0], [-0.5, 0.75.squareRoot()], [-0.5, -0.75.squareRoot()]]
    let groups = [[[0.0, 0]] + values].map { group in
      group.map { TestTensor("weight", .float64, [2], $0) }
    }
    let result = try await GramCases(groups: groups).run(
      "multislerp", base: true, weights: [1, 1, 1])
    #expect(Naive.length(result[0].values) < 1e-15)
  }
}
