import SinterTensors
import Testing

@testable import Sinter

struct FormulaProgramTests {
  /// The program of a formula without facts.
  private func program(_ text: String) throws -> FormulaProgram {
    let formula = try Formula(text, models: ["a", "b"], hasBase: true, parameters: ["k"])
    let group = MergeGroup(
      tensor: "t", shape: Shape([4]), inputs: ["base", "a", "b"], hasBase: true,
      parameters: GroupParameters(tensor: ["k": .number(0.5)], inputs: [[:], [:], [:]]), seed: 0,
      formula: formula, aliases: [nil, "a", "b"])
    let binding = try FormulaBinding(formula, in: group)
    return FormulaProgram(
      computing: [formula.result], of: binding, scalars: binding.scalars([:]))
  }

  @Test func `numbers of the tensor are worked out before`() throws {
    let program = try program("a * (k + 1) ^ 3 + where(k > 1, 7, 9)")
    #expect(program.steps.count == 2)
    guard case .binary(.multiply, .input(1), .constant(3.375)) = program.steps[0].operation,
      case .binary(.add, .register(0), .constant(9)) = program.steps[1].operation
    else {
      Issue.record("\(program.steps)")
      return
    }
    #expect(program.results == [.register(1)])
  }

  @Test func `registers are used again, and never where they are read`() throws {
    let sum = "a" + (0..<50).map { _ in " + a * b" }.joined()
    #expect(try program(sum).registerCount == 3)
    let chain = "x = a - base\ny = abs(x) + x\nz = y * b - x\nz / y + x"
    for step in try program(chain).steps {
      let operands: [FormulaProgram.Operand] =
        switch step.operation {
        case .unary(_, let x): [x]
        case .binary(_, let x, let y): [x, y]
        case .select(let condition, let x, let y): [condition, x, y]
        case .random: []
        }
      #expect(!operands.contains(.register(step.target)))
    }
  }

  @Test func `what the result does not need is not computed`() throws {
    #expect(try program("x = exp(a)\nb + base").steps.count == 1)
  }

  @Test func `many registers make blocks shorter`() throws {
    let names = (0..<200).map { "x\($0)" }
    let lines = names.enumerated().map { "\($1) = a * \($0)" }
    let formula = (lines + [names.joined(separator: " + ")]).joined(separator: "\n")
    let program = try program(formula)
    #expect(program.registerCount > 150)
    #expect(FormulaEvaluator(program, count: 100_000).blockLength == 128)
    #expect(FormulaEvaluator(try self.program("a + b"), count: 100_000).blockLength == 1024)
  }
}
