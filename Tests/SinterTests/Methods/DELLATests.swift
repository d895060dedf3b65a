import SinterTensors
import Testing

@testable import Sinter

@Suite struct DELLATests {
  @Test(arguments: DELLALinearTests.shapes)
  func `elements are dropped by rank, rescaled and put to a vote`(shape: [Int]) throws {
    var seed: UInt64 = 50
    for (density, epsilon) in DELLALinearTests.pairs {
      for (normalize, rescale) in [(true, true), (false, false)] {
        seed += 1
        if shape == [331, 251], seed % 5 != 3 { continue }
        let models = shape == [331, 251] ? 2 : 1 + Int(seed) % 6
        let run = DELLALinearTests.run(
          MethodRun.values(
            shape, models: models, dtypes: BreadcrumbsTests.types[Int(seed) % 4], seed: seed),
          shape, density: density, epsilon: epsilon,
          ["rescale": .boolean(rescale), "normalize": .boolean(normalize)], seed: seed)
        let expected = MethodReference.elected(
          run.inputs[0], DELLALinearTests.deltas(run, rescale: rescale),
          weights: run.models.indices.map { run.number("weight", ofModel: $0) },
          .init(isWeighted: true), normalize: normalize)
        #expect(try difference(run(DELLA.self), expected) < 1e-12)
      }
    }
  }

  @Test func `it drops what linear DELLA drops`() throws {
    var run = DELLALinearTests.run(
      MethodRun.values([30, 30], models: 1), [30, 30], density: 0.4, epsilon: 0.3,
      ["normalize": .boolean(false)])
    run.models[0]["weight"] = .number(0.5)
    #expect(try difference(run(DELLA.self), run(DELLALinear.self)) < 1e-14)
  }

  @Test func `a fault names the tensor and the place in the recipe`() throws {
    let merge = try TestMerge()
    for name in ["base", "a"] {
      try merge.model(name, [TestTensor("w", .float32, [4, 4], seed: 1)])
    }
    let faults = merge.faults(
      """
      merge_method: della
      base_model: base
      models:
        - model: a
          parameters: {weight: 1, density: 0.9}
      """)
    let text = faults.joined(separator: "\n")
    #expect(
      text.contains(
        """
        recipe.yml:3:1: error: tensor 'w': density 0.9 and epsilon 0.15 of 'a' give probabilities \
        that are not between 0 and 1
        hint: epsilon must be less than density and less than 1 - density
        """))
  }
}
