import Foundation
import SinterTensors
import Testing

@testable import Sinter

/// Adapters that PEFT wrote, and what NumPy and PEFT make of them in float64.
@Suite struct AdapterFixtureTests {
  private static let folder = AdapterFixtures.folder
  private static let cases = AdapterFixtures.cases
  private static let base = AdapterFixtures.base

  private func apply(
    _ adapters: [(name: String, weight: Double)], dtype: DType
  ) async throws -> (tensors: [String: TestTensor], summary: MergeSummary) {
    try await AdapterFixtures.apply(
      adapters.map { ("\(Self.folder)/\($0.name)", $0.weight) }, dtype: dtype)
  }

  private func expected(_ name: String) throws -> [String: TestTensor] {
    try AdapterFixtures.expected(name)
  }

  @Test func `every fixture is tested`() throws {
    let all = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
      .filter {
        FileManager.default.fileExists(atPath: "\(Self.folder)/\($0)/expected.safetensors")
      }
    #expect(Set(all) == Set(Self.cases))
  }

  @Test(arguments: cases)
  func `an adapter gives what the formulas give in float64`(name: String) async throws {
    let expected = try expected(name)
    let (results, summary) = try await apply([(name, 1)], dtype: .float64)
    var isChanged = false
    for base in try TestTensor.read(Self.base) {
      let result = try #require(results[base.name])
      guard let exact = expected[base.name] else {
        #expect(result.values == base.values, "\(base.name) is not the base's")
        continue
      }
      isChanged = true
      #expect(result.shape == exact.shape)
      let largest = exact.values.map(\.magnitude).max() ?? 0
      let error = zip(result.values, exact.values).map { ($0 - $1).magnitude }.max() ?? 0
      #expect(error <= 1e-14 * largest, "\(base.name) is off by \(error)")
    }
    #expect(isChanged && Set(expected.keys).isSubset(of: results.keys))
    let outcome = try #require(summary.adapters.first)
    #expect(outcome.applied == outcome.updates && outcome.updates >= expected.count)
    #expect(try abs(#require(outcome.relativeChange) - relativeChange(expected)) < 1e-12)
  }

  private func relativeChange(_ expected: [String: TestTensor]) throws -> Double {
    var (change, values) = (0.0, 0.0)
    for base in try TestTensor.read(Self.base) {
      guard let exact = expected[base.name] else { continue }
      for (value, own) in zip(exact.values, base.values) {
        change += (value - own) * (value - own)
        values += own * own
      }
    }
    return (change / values).squareRoot()
  }

  @Test(arguments: cases)
  func `results are rounded once to the base's dtype`(name: String) async throws {
    let (results, _) = try await apply([(name, 1)], dtype: .float32)
    for exact in try expected(name).values {
      let result = try #require(results[exact.name])
      let slack = (exact.values.map(\.magnitude).max() ?? 0) * 1e-14
      for (value, number) in zip(result.values, exact.values) {
        let sides = [number - slack, number + slack].map { TestTensor.stored($0, .float32) }
        #expect(sides[0] <= value && value <= sides[1], "\(exact.name)")
      }
    }
  }

  @Test(arguments: cases)
  func `the weight scales the difference that the adapter makes`(name: String) async throws {
    let expected = try expected(name)
    let (results, _) = try await apply([(name, -0.75)], dtype: .float64)
    for base in try TestTensor.read(Self.base) {
      let result = try #require(results[base.name])
      for (i, value) in result.values.enumerated() {
        let exact = (expected[base.name]?.values[i] ?? base.values[i]) - base.values[i]
        #expect(abs(value - (base.values[i] - 0.75 * exact)) < 1e-13, "\(base.name)")
      }
    }
  }

  @Test func `differences of several adapters add up, whatever their kind and order`() async throws
  {
    let list = [
      ("plain", 0.5), ("dora", 1.25), ("saved_modules", -1), ("tokens", 0.5), ("embedding", 2),
      ("dora_embedding", 0.5), ("mlx", 1), ("bias_all", 0.25), ("bias_of_factor", 3),
    ]
    let differences = try list.map { (try expected($0.0), $0.1) }
    let (results, _) = try await apply(list.map { ($0.0, $0.1) }, dtype: .float64)
    let (others, _) = try await apply(list.reversed().map { ($0.0, $0.1) }, dtype: .float64)
    for base in try TestTensor.read(Self.base) {
      let result = try #require(results[base.name])
      let other = try #require(others[base.name])
      for (i, own) in base.values.enumerated() {
        let exact = differences.reduce(own) {
          $0 + (($1.0[base.name]?.values[i] ?? own) - own) * $1.1
        }
        #expect(abs(result.values[i] - exact) < 1e-12, "\(base.name)")
        #expect(abs(other.values[i] - exact) < 1e-12, "\(base.name)")
      }
    }
  }
}
