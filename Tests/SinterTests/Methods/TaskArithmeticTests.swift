import SinterTensors
import Testing

@testable import Sinter

@Suite struct TaskArithmeticTests {
  @Test(arguments: MethodRun.shapes, [true, false])
  func `differences are weighed and added`(shape: [Int], normalize: Bool) throws {
    for models in [1, 2, 5] where models < 3 || shape.count < 2 {
      let run = MethodRun(
        shape: shape,
        inputs: MethodRun.values(
          shape, models: models, dtypes: [.bfloat16, .float32, .float16], seed: 4),
        hasBase: true, tensor: ["normalize": .boolean(normalize), "lambda": .number(0.7)],
        models: MethodRun.parameters(models, seed: UInt64(models)))
      let expected = MethodReference.merge(
        run.inputs[0], MethodReference.deltas(run.inputs),
        .init(
          weights: (0..<models).map { run.number("weight", ofModel: $0) }, normalize: normalize,
          lambda: 0.7))
      #expect(try difference(run(TaskArithmetic.self), expected) < 1e-12)
    }
  }

  @Test func `identical models give the base to the last bit`() throws {
    let base = MethodRun.values([400], models: 0, dtypes: [.float64])[0] + [0, -0.0, 1e300]
    for normalize in [true, false] {
      let result = try MethodRun(
        shape: [base.count], inputs: [base, base, base], hasBase: true,
        tensor: ["normalize": .boolean(normalize), "lambda": .number(-1.3)],
        models: [["weight": .number(0.1)], ["weight": .number(-0.7)]])(TaskArithmetic.self)
      #expect(result.map(\.bitPattern) == base.map(\.bitPattern))
    }
  }

  @Test(arguments: [[1, -1], [0.1, 0.2, -0.3], [0, 0]])
  func `weights that sum to zero cannot be normalized`(weights: [Double]) {
    for method in [TaskArithmetic.self, DARELinear.self, Breadcrumbs.self] as [any MergeMethod.Type]
    {
      let run = MethodRun(
        shape: [2], inputs: [[1, 1]] + weights.map { _ in [3, 1] }, hasBase: true,
        tensor: ["normalize": .boolean(true)], models: weights.map { ["weight": .number($0)] })
      let fault = #expect(throws: MethodFault.self) {
        try method.init(run.group(for: method.declaration))
      }
      #expect(fault?.message.hasSuffix("sum to zero and cannot be normalized") == true)
    }
  }

  @Test func `without a density nothing is surveyed`() throws {
    let run = MethodRun(
      shape: [3], inputs: [[1, 1, 1], [1, 2, 3]], hasBase: true, models: [["weight": .number(1)]])
    let method = try TaskArithmetic(run.group(for: TaskArithmetic.declaration))
    #expect(TaskArithmetic.makeSurvey([method]).isComplete)
    #expect(method.scratchRows == 0)
  }
}
