import SinterTensors
import Testing

@testable import Sinter

/// Merges whole models of many architectures, none of which the planner knows by name.
@Suite struct ArchitectureTests {
  @Test func `there are samples of many architectures`() {
    #expect(ArchitectureSample.all.count == 20)
    #expect(Set(ArchitectureSample.all.map(\.name)).count == ArchitectureSample.all.count)
  }

  @Test(arguments: ArchitectureSample.all)
  func `a weighted sum takes every tensor and follows gradients`(
    sample: ArchitectureSample
  ) async throws {
    let merge = try TestMerge()
    let (a, b) = (sample.tensors(seed: 2), sample.tensors(seed: 3))
    try merge.model("a", a, config: sample.config)
    try merge.model("b", b, config: sample.config)
    let recipe = """
      merge_method: linear
      models:
        - model: a
          parameters: {weight: 0.5}
        - model: b
          parameters: {weight: [0.25, 1.25]}
      parameters: {normalize: false}
      """
    let results = try await check(recipe, sample, in: merge)
    for (index, result) in results.enumerated() where result.dtype.isFloatingPoint {
      let weight = 0.25 + sample.fraction(of: result.name)
      expect(result, zip(a[index].values, b[index].values).map { 0.5 * $0 + weight * $1 })
    }
  }

  @Test(arguments: ArchitectureSample.all)
  func `a ties merge takes every tensor`(sample: ArchitectureSample) async throws {
    let merge = try TestMerge()
    let models = (2...4).map { sample.tensors(seed: $0) }
    for (name, tensors) in zip(["base", "a", "b"], models) {
      try merge.model(name, tensors, config: sample.config)
    }
    let recipe = """
      merge_method: ties
      base_model: base
      models:
        - model: a
          parameters: {weight: 1}
        - model: b
          parameters: {weight: 0.5}
      parameters: {density: 1, normalize: true}
      """
    let results = try await check(recipe, sample, in: merge)
    for (index, result) in results.enumerated() where result.dtype.isFloatingPoint {
      let (base, a, b) = (models[0][index], models[1][index], models[2][index])
      expect(
        result,
        base.values.indices.map { i in
          let votes = [
            (a.values[i] - base.values[i], 1.0), (b.values[i] - base.values[i], 0.5),
          ]
          let sum = votes.reduce(0) { $0 + $1.0 * $1.1 }
          let kept = votes.filter { sum >= 0 ? $0.0 > 0 : $0.0 < 0 }
          let weights = kept.reduce(0) { $0 + $1.1 }
          guard weights > 0 else { return base.values[i] }
          return base.values[i] + kept.reduce(0) { $0 + $1.0 * $1.1 } / weights
        })
    }
  }

  /// Runs a recipe of whole models and checks what holds for any.
  private func check(
    _ recipe: String, _ sample: ArchitectureSample, in merge: TestMerge
  ) async throws -> [TestTensor] {
    let plan = try merge.plan(recipe)
    #expect(plan.remarks.isEmpty)
    for (place, input) in plan.inputs.enumerated() {
      let ledger = plan.ledger.inputs[place]
      #expect(ledger.map(\.tensor) == input.checkpoint.tensors.map(\.name))
      for entry in ledger {
        let isFloat = input.checkpoint.tensor(entry.tensor)?.dtype.isFloatingPoint == true
        let fate: Ledger.Fate =
          isFloat
          ? .merged(into: [entry.tensor])
          : place == plan.donor
            ? .copied(into: [entry.tensor], .notFloatingPoint) : .excluded(.sameAsCopied)
        #expect(entry.fate == fate, "\(entry.tensor)")
      }
    }
    for tensor in plan.tensors where tensor.dtype.isFloatingPoint {
      guard case .merge = tensor.operation else {
        Issue.record("'\(tensor.name)' is not merged")
        continue
      }
      #expect(tensor.sources.count == plan.inputs.count)
    }
    // In the order of the base; a file puts wide elements first.
    let results = try await merge.run(recipe)
    let widths = Set(sample.entries.map(\.dtype.bitWidth)).sorted(by: >)
    let expected = widths.flatMap { width in
      sample.entries.filter { $0.dtype.bitWidth == width }
    }
    #expect(results.map(\.name) == expected.map(\.name))
    #expect(results.map(\.shape) == expected.map(\.shape))
    #expect(results.map(\.dtype) == expected.map(\.dtype))
    let donor = sample.tensors(seed: 2)
    for result in results where !result.dtype.isFloatingPoint {
      #expect(donor.contains(result))
    }
    if sample.config.contains(#"dtype": "bfloat16""#) {
      #expect(try merge.folder.text("out/config.json") == sample.config)
    }
    let byName = Dictionary(uniqueKeysWithValues: results.map { ($0.name, $0) })
    return sample.entries.compactMap { byName[$0.name] }
  }

  private func expect(_ result: TestTensor, _ exact: [Double]) {
    let largest = exact.map(\.magnitude).max() ?? 0
    for (value, exact) in zip(result.values, exact) {
      // The order of operations moves the last bits of a Double, which can decide the rounding.
      let sides = [-4 * largest.ulp, 4 * largest.ulp].map {
        TestTensor.stored(exact + $0, result.dtype)
      }
      #expect(
        (min(sides[0], sides[1])...max(sides[0], sides[1])).contains(value),
        "\(result.name): \(value), not \(exact)")
    }
  }
}
