import SinterTensors
import Testing

@testable import Sinter

@Suite struct DARETIESTests {
  private func run(
    _ inputs: [[Double]], _ shape: [Int], density: Double, normalize: Bool = false,
    rescale: Bool = true, seed: UInt64 = 0
  ) -> MethodRun {
    MethodRun(
      shape: shape, inputs: inputs, hasBase: true,
      tensor: ["rescale": .boolean(rescale), "normalize": .boolean(normalize)],
      models: MethodRun.parameters(inputs.count - 1, seed: 7, density: density), seed: seed)
  }

  @Test(arguments: MethodRun.shapes, [true, false])
  func `elements are dropped one by one, rescaled and put to a vote`(
    shape: [Int], rescale: Bool
  ) throws {
    for density in [0, 0.2, 0.7, 1] {
      let models = shape.count == 2 ? 2 : 5
      let run = run(
        MethodRun.values(shape, models: models, dtypes: [.float32, .bfloat16]), shape,
        density: density, normalize: !rescale, rescale: rescale, seed: 5)
      let deltas = MethodReference.deltas(run.inputs).enumerated().map { model, delta in
        let kept = MethodReference.dropped(
          delta, density: density, seed: 5, model: model, name: run.name)
        return rescale ? MethodReference.rescaled(kept, from: delta) : kept
      }
      let expected = MethodReference.merge(
        run.inputs[0], deltas,
        .init(
          weights: (0..<models).map { run.number("weight", ofModel: $0) }, vote: true,
          normalize: !rescale))
      #expect(try difference(run(DARETIES.self), expected) < 1e-12)
    }
  }

  @Test func `density one is the vote of all differences`() throws {
    let run = run(MethodRun.values([331, 251], models: 2), [331, 251], density: 1)
    #expect(try run(DARETIES.self) == run(TIES.self))
  }

  @Test func `it drops what linear DARE drops`() throws {
    let run = run(MethodRun.values([900], models: 1), [900], density: 0.4)
    #expect(try difference(run(DARETIES.self), run(DARELinear.self)) < 1e-14)
  }

  @Test func `identical models give the base to the last bit`() throws {
    let base = MethodRun.values([400], models: 0, dtypes: [.float64])[0] + [0, -0.0]
    let result = try run([base, base, base], [base.count], density: 0.5)(DARETIES.self)
    #expect(result.map(\.bitPattern) == base.map(\.bitPattern))
  }
}
