import Foundation
import SinterTensors
import Testing

@testable import Sinter

/// Groups of tensors on which methods that work on directions are tried: random and degenerate
/// contents of many shapes, merged by the engine and compared with a naive result.
struct GramCases {
  /// What the tensors of a group hold.
  enum Content: String, CaseIterable {
    /// Random numbers around the base, as fine-tunes have them.
    case near
    /// Unrelated random numbers.
    case apart
    /// Random numbers so small that their squares are near the end of Float32.
    case tiny
    /// Zeros.
    case zero
    /// The base, unchanged in all models.
    case frozen
    /// The same numbers in all models, but not in the base.
    case equal
    /// Numbers that differ in the last bit of a few.
    case nearlyEqual
    /// Zeros in the first model only.
    case oneZero
    /// The second model changed nothing.
    case oneFrozen
    /// The second model the negative of the first.
    case opposite
  }

  static let shapes: [[Int]] = [
    [], [0], [0, 3], [1], [7], [5, 1], [1, 5], [3, 4, 5], [11, 6],
  ]

  /// Several tiles: whole rows of a matrix, and a row longer than a tile.
  static let largeShapes: [[Int]] = [[260, 257], [70_001]]

  /// For each group the base and the models.
  let groups: [[TestTensor]]

  init(
    models: Int, dtypes: [DType], seed: UInt64, contents: [Content] = Content.allCases,
    shapes: [[Int]] = Self.shapes
  ) {
    var groups: [[TestTensor]] = []
    for content in contents {
      for shape in shapes where shape.count < 3 || content == .near || content == .apart {
        let name = "\(content.rawValue)_\(shape.map(String.init).joined(separator: "x"))"
        groups.append(Self.group(name, content, shape, models, dtypes, seed))
      }
    }
    self.groups = groups
  }

  private static func group(
    _ name: String, _ content: Content, _ shape: [Int], _ models: Int, _ dtypes: [DType],
    _ seed: UInt64
  ) -> [TestTensor] {
    let base = TestTensor(name, dtypes[0], shape, seed: seed)
    let first = TestTensor(name, dtypes[0], shape, seed: seed + 1, scale: 1e-3, around: base)
    return (0...models).map { index in
      let dtype = dtypes[index % dtypes.count]
      let seed = seed + UInt64(index)
      let near = TestTensor(name, dtype, shape, seed: seed, scale: 1e-3, around: base)
      let apart = TestTensor(name, dtype, shape, seed: seed)
      let values: [Double] =
        switch content {
        case .near: near.values
        case .apart: apart.values
        case .tiny: apart.values.map { $0 * (dtype == .float16 ? 1e-3 : 1e-15) }
        case .zero: apart.values.map { _ in 0 }
        case .frozen: base.values
        case .equal: index == 0 ? base.values : first.values
        case .nearlyEqual:
          first.values.enumerated().map { place, value in
            place % 5 == index % 5 ? value * (1 + 0x1p-7) : value
          }
        case .oneZero: index == 1 ? apart.values.map { _ in 0 } : apart.values
        case .oneFrozen: index == 2 ? base.values : index == 0 ? base.values : near.values
        case .opposite:
          index == 0
            ? apart.values.map { _ in 0 }
            : index == 2
              ? first.values.map { -$0 } : index == 1 ? first.values : near.values
        }
      return TestTensor(name, dtype, shape, values.map { TestTensor.stored($0, dtype) })
    }
  }

  /// Merges all groups with the engine.
  func run(
    _ method: String, base: Bool, weights: [Double]? = nil, parameters: [String: String] = [:],
    dtype: String? = "float64", execution: ExecutionOptions = ExecutionOptions(threads: 2)
  ) async throws -> [TestTensor] {
    let merge = try TestMerge()
    var text = "merge_method: \(method)\n"
    if let dtype { text += "dtype: \(dtype)\n" }
    if base {
      try merge.model("base", groups.map { $0[0] })
      text += "base_model: ./base\n"
    }
    text += "models:\n"
    for index in 1..<groups[0].count {
      try merge.model("m\(index)", groups.map { $0[index] })
      text += "- model: ./m\(index)\n"
      if let weights { text += "  parameters: {weight: \(weights[index - 1])}\n" }
    }
    if !parameters.isEmpty { text += "parameters:\n" }
    for (name, value) in parameters { text += "  \(name): \(value)\n" }
    return try await merge.run(text, execution: execution)
  }

  /// Merges all groups with the engine and expects what a naive function gives for the values of
  /// the models, those of the base, and the shape.
  func expect(
    _ method: String, base: Bool, weights: [Double]? = nil, parameters: [String: String] = [:],
    tolerance: Double = 1e-13, naive: ([[Double]], [Double]?, [Int]) -> [Double]
  ) async throws {
    let results = try await run(method, base: base, weights: weights, parameters: parameters)
    #expect(results.count == groups.count)
    for group in groups {
      let result = try #require(results.first { $0.name == group[0].name })
      let models = group.dropFirst().map(\.values)
      let expected = naive(models, base ? group[0].values : nil, group[0].shape)
      let largest = (group.flatMap(\.values) + expected).map(\.magnitude).max() ?? 0
      let error = zip(result.values, expected).map { ($0 - $1).magnitude }.max() ?? 0
      // Between opposite directions the angle has lost its last digits.
      let isOpposite = result.name.hasPrefix(Content.opposite.rawValue)
      #expect(
        error <= tolerance * largest * (isOpposite ? 100 : 1),
        "\(method) \(parameters) of \(result.name): off by \(error / largest)")
    }
  }

  /// Merges groups of identical models, and expects each to be given back bit for bit.
  static func expectIdentity(
    _ method: String, base: Bool, models: Int, weights: [Double]? = nil,
    parameters: [String: String] = [:]
  ) async throws {
    for dtype in [DType.float32, .bfloat16, .float64] {
      let group = { (name: String, isFrozen: Bool) in
        var values = TestTensor(name, dtype, [9, 7], seed: 5).values
        values[3] = -0.0
        values[4] = 0.0
        let same = TestTensor(name, dtype, [9, 7], values)
        let other = TestTensor(name, dtype, [9, 7], seed: 6)
        return [isFrozen ? same : other] + [TestTensor](repeating: same, count: models)
      }
      let cases = GramCases(groups: [group("moved", false), group("frozen", true)])
      let results = try await cases.run(
        method, base: base, weights: weights, parameters: parameters, dtype: nil)
      for group in cases.groups {
        let result = try #require(results.first { $0.name == group[0].name })
        #expect(result.dtype == dtype)
        #expect(
          result.values.map(\.bitPattern) == group[1].values.map(\.bitPattern),
          "\(method) \(parameters) of identical \(dtype) models, \(result.name)")
      }
    }
  }

  init(groups: [[TestTensor]]) { self.groups = groups }

  static let dtypes: [[DType]] = [
    [.float32], [.bfloat16], [.float16], [.float64], [.bfloat16, .float32, .float16, .bfloat16],
  ]
}

/// Vectors as plain arrays.
enum Naive {
  static func dot(_ first: [Double], _ second: [Double]) -> Double {
    zip(first, second).reduce(0) { $0 + $1.0 * $1.1 }
  }

  static func length(_ vector: [Double]) -> Double { dot(vector, vector).squareRoot() }

  static func times(_ factor: Double, _ vector: [Double]) -> [Double] { vector.map { factor * $0 } }

  static func sum(_ first: [Double], _ second: [Double]) -> [Double] {
    zip(first, second).map { $0 + $1 }
  }

  static func difference(_ first: [Double], _ second: [Double]) -> [Double] {
    zip(first, second).map { $0 - $1 }
  }

  /// The indices of the elements of each vector of a tensor: along the last axis, or the first.
  static func vectors(_ shape: [Int], alongFirst: Bool) -> [[Int]] {
    let count = shape.reduce(1, *)
    guard count > 0 else { return [] }
    if alongFirst {
      let columns = shape.dropFirst().reduce(1, *)
      return (0..<columns).map { column in Array(stride(from: column, to: count, by: columns)) }
    }
    let length = shape.last ?? 1
    return stride(from: 0, to: count, by: length).map { Array($0..<$0 + length) }
  }
}
