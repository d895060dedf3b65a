import Foundation
import SinterTensors
import Testing

@testable import Sinter

@Suite struct NuSLERPTests {
  /// One vector, as published.
  static func naive(_ first: [Double], _ second: [Double], t: Double) -> [Double] {
    let lengths = (Naive.length(first), Naive.length(second))
    let one = lengths.0 == 0 ? first : first.map { $0 / lengths.0 }
    let other = lengths.1 == 0 ? second : second.map { $0 / lengths.1 }
    let cosine = min(max(Naive.dot(one, other), -1), 1)
    if 1 - cosine * cosine <= 1e-15 {
      return Naive.sum(Naive.times(1 - t, first), Naive.times(t, second))
    }
    let angle = acos(cosine)
    return Naive.times(
      1 / sin(angle),
      Naive.sum(Naive.times(sin((1 - t) * angle), first), Naive.times(sin(t * angle), second)))
  }

  static func naive(
    _ models: [[Double]], _ base: [Double]?, _ vectors: [[Int]], t: Double
  ) -> [Double] {
    let origin = base ?? models[0].map { _ in 0 }
    let (first, second) = (
      Naive.difference(models[0], origin), Naive.difference(models[1], origin)
    )
    var result = origin
    for vector in vectors {
      let merged = naive(vector.map { first[$0] }, vector.map { second[$0] }, t: t)
      for (index, value) in zip(vector, merged) { result[index] += value }
    }
    return result
  }

  @Test(arguments: GramCases.dtypes, [false, true])
  func `tensors, rows and columns match the naive result`(dtypes: [DType], base: Bool) async throws
  {
    let cases = GramCases(models: 2, dtypes: dtypes, seed: 11)
    let modes: [(flatten: Bool, columns: Bool)] = [(true, false), (false, false), (false, true)]
    for mode in modes {
      try await cases.expect(
        "nuslerp", base: base, weights: [0.7, 0.3],
        parameters: [
          "nuslerp_flatten": "\(mode.flatten)", "nuslerp_row_wise": "\(mode.columns)",
        ]
      ) { models, base, shape in
        let vectors =
          mode.flatten
          ? [Array(models[0].indices)] : Naive.vectors(shape, alongFirst: mode.columns)
        return Self.naive(models, base, vectors, t: 0.3 / (0.7 + 0.3))
      }
    }
  }

  @Test func `vectors that cross tiles match the naive result`() async throws {
    let cases = GramCases(
      models: 2, dtypes: [.float32], seed: 3, contents: [.near], shapes: GramCases.largeShapes)
    for columns in [false, true] {
      try await cases.expect(
        "nuslerp", base: true, weights: [2, 3],
        parameters: ["nuslerp_flatten": "false", "nuslerp_row_wise": "\(columns)"]
      ) { models, base, shape in
        Self.naive(models, base, Naive.vectors(shape, alongFirst: columns), t: 0.6)
      }
    }
    try await cases.expect("nuslerp", base: true, weights: [2, 3]) { models, base, _ in
      Self.naive(models, base, [Array(models[0].indices)], t: 0.6)
    }
  }

  @Test(arguments: ["true", "false"], ["true", "false"])
  func `identical models are given back`(flatten: String, columns: String) async throws {
    for base in [false, true] {
      try await GramCases.expectIdentity(
        "nuslerp", base: base, models: 2, weights: [0.7, 0.2],
        parameters: ["nuslerp_flatten": flatten, "nuslerp_row_wise": columns])
    }
  }

  static let ratios: [([Double], Double)] = [
    ([1, 0], 0), ([0, 2], 1), ([0, 0], 0.5), ([3e-9, 1e-9], 0.25),
  ]

  @Test(arguments: ratios)
  func `only the ratio of weights matters`(weights: [Double], t: Double) async throws {
    try await GramCases(models: 2, dtypes: [.float32], seed: 2, shapes: [[4, 6]]).expect(
      "nuslerp", base: false, weights: weights
    ) { models, base, _ in
      Self.naive(models, base, [Array(models[0].indices)], t: t)
    }
  }

  @Test func `a negative weight leads beyond the other model`() async throws {
    try await GramCases(models: 2, dtypes: [.float32], seed: 2, shapes: [[4, 6]]).expect(
      "nuslerp", base: true, weights: [1.5, -0.5]
    ) { models, base, _ in
      Self.naive(models, base, [Array(models[0].indices)], t: -0.5)
    }
  }

  @Test(arguments: [[1.0, -1.0], [1e-9, -1e-9], [1, -0.9999999]])
  func `weights that cancel are a fault of the plan`(weights: [Double]) throws {
    let merge = try TestMerge()
    let tensor = TestTensor("weight", .float32, [2, 2], seed: 1)
    try merge.model("a", [tensor])
    try merge.model("b", [tensor])
    let faults = merge.faults(
      """
      merge_method: nuslerp
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
        hint: change a weight
        """
      ))
  }

  @Test func `a column of millions is held in pieces`() throws {
    let columns = 1000
    let length = 5300
    let first = TestTensor("a", .float64, [length], seed: 1).values
    let second = TestTensor("b", .float64, [length], seed: 2).values
    for run in [300, 999, 1000, 1001, 2500] {
      var survey = ArcSurvey(columns: columns, t: 0.25)
      for start in stride(from: 0, to: length, by: run) {
        var partial = survey.makePartial()
        for tile in stride(from: start, to: min(start + run, length), by: 170) {
          let elements = tile..<min(tile + 170, start + run, length)
          partial.add(
            Array(first[elements]).span, Array(second[elements]).span, from: elements.lowerBound)
        }
        survey.add(partial)
      }
      survey.finishPass()
      #expect(survey.isComplete)
      for column in 0..<columns {
        let indices = stride(from: column, to: length, by: columns)
        let (a, b) = (indices.map { first[$0] }, indices.map { second[$0] })
        let exact = Arc(
          PairFacts(first: Naive.dot(a, a), second: Naive.dot(b, b), dot: Naive.dot(a, b)),
          t: 0.25)
        #expect((survey.arcs[column].first - exact.first).magnitude < 1e-12)
        #expect((survey.arcs[column].second - exact.second).magnitude < 1e-12)
      }
    }
  }

  @Test(arguments: [([40, 3000], 3000), ([5, 3000, 1000], 3_000_000), ([7], 1), ([2, 0], 0)])
  func `memory for columns is declared`(shape: [Int], columns: Int) throws {
    func method(rowWise: Bool, flatten: Bool = false) throws -> NuSLERP {
      let weights: [[String: ParameterValue]] = [["weight": .number(1)], ["weight": .number(2)]]
      let run = MethodRun(
        shape: shape, inputs: [[], []], hasBase: false,
        tensor: ["nuslerp_flatten": .boolean(flatten), "nuslerp_row_wise": .boolean(rowWise)],
        models: weights)
      return try NuSLERP(run.group(for: NuSLERP.declaration))
    }
    let columnWise = try method(rowWise: true)
    // Three sums while it looks, then two coefficients and a word.
    #expect(columnWise.surveyHeldByteCount == columns * (24 + 24))
    #expect(columnWise.surveyByteCount == min(columns, 1 << 20) * 24)
    for other in [try method(rowWise: false), try method(rowWise: true, flatten: true)] {
      #expect(other.surveyHeldByteCount == 0 && other.surveyByteCount == 0)
    }
  }
}
