import SinterTensors
import Testing

@testable import Sinter

@Suite struct PassthroughTests {
  private func run(_ shape: [Int], scale: Double?) -> MethodRun {
    MethodRun(
      shape: shape, inputs: [MethodRun.values(shape, models: 0)[0]], hasBase: false,
      models: [scale.map { ["scale": .number($0)] } ?? [:]])
  }

  @Test(arguments: MethodRun.shapes)
  func `values are the input's, times the scale`(shape: [Int]) throws {
    for scale in [nil, 0, 1, -0.3, 1e6] {
      let run = run(shape, scale: scale)
      #expect(try run(Passthrough.self) == run.inputs[0].map { $0 * (scale ?? 1) })
    }
  }

  @Test func `bytes can be copied only without a scale`() {
    #expect(Passthrough(run([3], scale: nil).group(for: Passthrough.declaration)).copiedInput == 0)
    #expect(Passthrough(run([3], scale: 1).group(for: Passthrough.declaration)).copiedInput == nil)
  }
}
