import Foundation
import SinterTensors
import Testing

@testable import Sinter

@Suite struct ModelStockTests {
  /// One vector, as published.
  static func naive(_ models: [[Double]], _ base: [Double]) -> [Double] {
    let offsets = models.map { Naive.difference($0, base) }
    var cosines: [Double] = []
    for i in offsets.indices {
      for j in i + 1..<offsets.count {
        let lengths = Naive.length(offsets[i]) * Naive.length(offsets[j])
        let cosine = lengths == 0 ? 0 : Naive.dot(offsets[i], offsets[j]) / lengths
        cosines.append(min(max(cosine, -1), 1))
      }
    }
    let count = Double(models.count)
    let cosine = cosines.reduce(0, +) / Double(cosines.count)
    let denominator = 1 + (count - 1) * cosine
    let t = denominator.magnitude < 1e-6 ? 0 : count * cosine / denominator
    let mean = models.reduce(base.map { _ in 0 }) { Naive.sum($0, Naive.times(1 / count, $1)) }
    return Naive.sum(Naive.times(t, mean), Naive.times(1 - t, base))
  }

  static func naive(_ models: [[Double]], _ base: [Double], _ vectors: [[Int]]) -> [Double] {
    var result = base
    for vector in vectors {
      let merged = naive(
        models.map { model in vector.map { model[$0] } }, vector.map { base[$0] })
      for (index, value) in zip(vector, merged) { result[index] = value }
    }
    return result
  }

  @Test(arguments: GramCases.dtypes)
  func `tensors and rows match the naive result`(dtypes: [DType]) async throws {
    for count in [2, 3, 6] {
      let cases = GramCases(models: count, dtypes: dtypes, seed: UInt64(count))
      try await cases.expect("model_stock", base: true, tolerance: 1e-12) { models, base, _ in
        Self.naive(models, base ?? [])
      }
      try await cases.expect(
        "model_stock", base: true, parameters: ["filter_wise": "true"], tolerance: 1e-12
      ) { models, base, shape in
        Self.naive(models, base ?? [], Naive.vectors(shape, alongFirst: false))
      }
    }
  }

  @Test func `several tiles match the naive result`() async throws {
    let cases = GramCases(
      models: 2, dtypes: [.bfloat16], seed: 3, contents: [.near], shapes: GramCases.largeShapes)
    try await cases.expect("model_stock", base: true) { models, base, _ in
      Self.naive(models, base ?? [])
    }
    try await cases.expect("model_stock", base: true, parameters: ["filter_wise": "true"]) {
      models, base, shape in
      Self.naive(models, base ?? [], Naive.vectors(shape, alongFirst: false))
    }
  }

  @Test(arguments: [2, 3], ["true", "false"])
  func `identical models are given back`(count: Int, filterWise: String) async throws {
    try await GramCases.expectIdentity(
      "model_stock", base: true, models: count, parameters: ["filter_wise": filterWise])
  }

  /// mergekit gives t = 0.19 for such a tensor.
  @Test func `small tensors are not left behind`() {
    let offset = 1e-4
    let gram = Gram(
      products: [16 * offset * offset, 16 * offset * offset, 16 * offset * offset], count: 2,
      areEqual: false)
    #expect(ModelStock.coefficient(gram) == 0.5)
  }

  @Test func `differences that cancel give the base`() {
    let gram = Gram(products: [4, -4, 4], count: 2, areEqual: false)
    #expect(ModelStock.coefficient(gram) == 0)
  }

  @Test func `opposed directions lead away from the models`() {
    let gram = Gram(products: [4, -1, 4], count: 2, areEqual: false)
    #expect(ModelStock.coefficient(gram) == -0.25 / 0.75)
  }

  @Test func `one model is too few`() throws {
    let merge = try TestMerge()
    let tensor = TestTensor("weight", .float32, [2, 2], seed: 1)
    try merge.model("a", [tensor])
    try merge.model("b", [tensor])
    let faults = merge.faults(
      """
      merge_method: model_stock
      base_model: ./a
      models:
      - model: ./b
      """)
    #expect(faults.count == 1)
  }
}
