import Testing

@testable import Sinter

struct FormulaLexerTests {
  @Test func `cuts a formula into words`() {
    var faults = FormulaFaults(in: FormulaText("m_1=a**2.5>=b;!=# x\n("), of: nil)
    let tokens = FormulaLexer.tokens(of: faults.text, &faults)
    #expect(
      tokens.map(\.kind) == [
        .name("m_1"), .symbol("="), .name("a"), .symbol("**"), .number(2.5), .symbol(">="),
        .name("b"), .separator, .symbol("!="), .separator, .symbol("("), .end,
      ])
    #expect(tokens.map(\.range.lowerBound) == [0, 3, 4, 5, 7, 10, 12, 13, 14, 19, 20, 21])
    #expect(faults.diagnostics.isEmpty)
  }

  @Test(arguments: [
    ("0", 0), ("7", 7), ("1.5", 1.5), (".5", 0.5), ("5.", 5), ("1e3", 1000), ("1E+3", 1000),
    ("2.5e-1", 0.25), ("1e-400", 0), ("00012", 12),
  ])
  func `reads numbers`(text: String, value: Double) {
    var faults = FormulaFaults(in: FormulaText(text), of: nil)
    let tokens = FormulaLexer.tokens(of: faults.text, &faults)
    #expect(tokens.map(\.kind) == [.number(value), .end])
    #expect(faults.diagnostics.isEmpty)
  }

  @Test func `tells free names from taken ones`() {
    for name in ["a", "_", "math2", "Norm", "x_y"] { #expect(FormulaName.isFree(name)) }
    for name in ["", "2a", "a-b", "ä", "a b", "norm", "where", "and", "base", "max_abs"] {
      #expect(!FormulaName.isFree(name))
    }
  }
}
