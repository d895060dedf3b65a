import SinterTensors
import Testing

@testable import Sinter

@Suite struct BreadcrumbsTIESTests {
  @Test(arguments: MethodRun.shapes)
  func `what lies between the bounds is put to a vote`(shape: [Int]) throws {
    var seed: UInt64 = 100
    for (density, gamma) in [(0, 0.1), (0.05, 0.01), (0.5, 0.2), (0.95, 0.2), (1, 0.5)] {
      for (normalize, rescale) in [(false, true), (true, false)] {
        seed += 1
        if shape == [331, 251], seed % 4 != 1 { continue }
        let models = shape == [331, 251] ? 3 : 1 + Int(seed) % 6
        let run = BreadcrumbsTests.run(
          MethodRun.values(
            shape, models: models, dtypes: BreadcrumbsTests.types[Int(seed) % 4], seed: seed),
          shape, density: density, gamma: gamma,
          ["rescale": .boolean(rescale), "normalize": .boolean(normalize)])
        let expected = MethodReference.elected(
          run.inputs[0], BreadcrumbsTests.deltas(run, rescale: rescale),
          weights: run.models.indices.map { run.number("weight", ofModel: $0) },
          .init(isWeighted: true), normalize: normalize)
        #expect(try difference(run(BreadcrumbsTIES.self), expected) < 1e-12)
      }
    }
  }

  @Test func `one model of positive weight is not voted down`() throws {
    var run = BreadcrumbsTests.run(
      MethodRun.values([31, 17], models: 1), [31, 17], density: 0.4, gamma: 0.1)
    run.models[0]["weight"] = .number(0.5)
    #expect(try difference(run(BreadcrumbsTIES.self), run(Breadcrumbs.self)) < 1e-14)
  }

  @Test func `the default density keeps all and is the vote of TIES`() throws {
    let run = MethodRun(
      shape: [257], inputs: MethodRun.values([257], models: 3), hasBase: true,
      tensor: ["normalize": .boolean(true)], models: MethodRun.parameters(3, seed: 2))
    #expect(try run(BreadcrumbsTIES.self) == run(TIES.self))
  }
}
