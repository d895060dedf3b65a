import Testing

@testable import Sinter

struct FormulaCheckerTests {
  static let names = FormulaNames(
    models: ["math", "code"], hasBase: true, parameters: ["k", "t", "scale"])

  /// The faults and warnings of a formula, one in a line.
  private func faults(_ text: String, names: FormulaNames = names) -> String {
    Formula.read(FormulaText(text), names: names).diagnostics.map(\.short)
      .joined(separator: "\n")
  }

  @Test(arguments: [
    "math", "base + k * (math - base)", "m = math - base\nbase + m * t / norm(m)",
    "where(math > 0 and not code >= k or base == 0, math, 0)",
    "where(k > 0.5, math, code)",
    "math + where(math > code, 1 < k, k > 2)".replacing(
      "where(math > code, 1 < k, k > 2)", with: "where(where(math > code, 1 < k, k > 2), 1, 2)"),
    "min(math, code, base, 0) + max(k, math) + clamp(math, -1, 1)",
    "math * sum(math > 0) / mean(code != base)", "math * quantile(abs(code), k * 2)",
    "math * var(code) * max_abs(base) * cos(math, base) * dot(math, math)",
    "math * random() + exp(log(sqrt(abs(sign(math))))) ^ 2", "random()", "math;",
  ])
  func `accepts formulas`(text: String) {
    #expect(faults(text) == "")
  }

  @Test(arguments: [
    ("mathh", "1:1: unknown name 'mathh' | did you mean 'math'?"),
    ("math + zzz", "1:8: unknown name 'zzz' | the names here are: base, math, code, k, t, scale"),
    ("m = math\nm + sccale", "2:5: unknown name 'sccale' | did you mean 'scale'?"),
    ("delta = math\nm = delta\nm + detla", "3:5: unknown name 'detla' | did you mean 'delta'?"),
    (
      "m + 1\nm = math",
      "1:1: unknown name 'm' | the names here are: base, math, code, k, t, scale\n"
        + "2:1: 'm' is given a value after the result | the last line is the result: move this one before it"
    ),
    ("nrom(math) * math", "1:1: unknown function 'nrom' | did you mean 'norm'?"),
    ("math(2)", "1:1: 'math' is not a function | write '*' to multiply"),
    ("math * norm", "1:8: 'norm' is a function | write 'norm(x)'"),
    ("clamp(math, 1)", "1:1: 'clamp' takes 3 arguments, found 2 | write 'clamp(x, low, high)'"),
    ("abs(math, 1)", "1:1: 'abs' takes 1 argument, found 2 | write 'abs(x)'"),
    ("min(math)", "1:1: 'min' takes at least 2 arguments, found 1 | write 'min(x, y, ...)'"),
    ("random(3)", "1:1: 'random' takes no arguments, found 1 | write 'random()'"),
    (
      "where(math, 1, 0)",
      "1:7: the first argument of 'where' must be a condition, found a number"
        + " | compare it, for example 'x != 0'"
    ),
    (
      "where(math > 0, 1, code > 0)",
      "1:1: 'where' chooses between two numbers, or between two conditions"
    ),
    (
      "math + (code > 0)",
      "1:6: '+' wants numbers, found a condition"
        + " | 'where(condition, x, y)' chooses between two numbers"
    ),
    (
      "where(math and code > 0, 1, math)",
      "1:12: 'and' wants conditions, found a number"
        + " | compare it, for example 'x != 0'"
    ),
    (
      "where(not math, 1, math)",
      "1:7: 'not' wants conditions, found a number"
        + " | compare it, for example 'x != 0'"
    ),
    (
      "-(math > 0)",
      "1:1: '-' wants numbers, found a condition"
        + " | 'where(condition, x, y)' chooses between two numbers"
    ),
    (
      "abs(math > 0)",
      "1:1: 'abs' wants numbers, found a condition"
        + " | 'where(condition, x, y)' chooses between two numbers"
    ),
    (
      "math * norm(k)",
      "1:13: 'norm' wants a value for each element, found one for the whole tensor"
    ),
    (
      "math * dot(math, 2)",
      "1:18: 'dot' wants a value for each element, found one for the whole tensor"
    ),
    (
      "math * norm(math > 0)",
      "1:18: 'norm' wants numbers, found a condition"
        + " | 'sum' and 'mean' count the elements for which a condition holds"
    ),
    (
      "math * quantile(math, code)",
      "1:23: the fraction of 'quantile' must be one number, found a value for each element"
    ),
    (
      "math * quantile(math, k > 1)",
      "1:25: the fraction of 'quantile' must be one number, found a condition"
    ),
    (
      "math * quantile(math, 3 / 2)",
      "1:25: the fraction of 'quantile' must be from 0 to 1, found 1.5"
    ),
    (
      "math > 0",
      "1:1: the result must be numbers, found a condition"
        + " | 'where(condition, x, y)' chooses between two numbers"
    ),
    (
      "norm(math)",
      "1:1: the result must have a value for each element, found one for the whole"
        + " tensor | the result is made from the elements of models"
    ),
    (
      "0",
      "1:1: the result must have a value for each element, found one for the whole"
        + " tensor | the result is made from the elements of models"
    ),
    (
      "m = math", "1:9: the formula has no result | end it with a line that has no '=', such as 'm'"
    ),
    (" \n", "1:1: the formula is empty"),
    (
      "m = math\nm = code\nm",
      "2:1: 'm' has a value already | it was given at 1:1: take another name"
    ),
    ("math = 1\nmath", "1:1: 'math' is a model and cannot be given a value | take another name"),
    (
      "base = math\nbase",
      "1:1: 'base' is the base model and cannot be given a value | take another name"
    ),
    ("k = math\nmath", "1:1: 'k' is a parameter and cannot be given a value | take another name"),
    (
      "and = math\nmath",
      "1:1: 'and' is an operator and cannot be given a value | take another name"
    ),
    (
      "norm = math\nmath",
      "1:1: 'norm' is a function and cannot be given a value | take another name"
    ),
    ("m = math - base\nmath", "1:1: warning: 'm' is not used | remove this line"),
    (
      "math\ncode",
      "1:1: warning: the value of this line is not used | only the last line is the result"
    ),
    (
      "a = foo(1)\nb = a + bar\nc = +\nmath * c + qux",
      "3:5: expected a value, found '+'"
        + " | to go on in a new line, end the last one with '+'\n"
        + "1:5: unknown function 'foo' | the functions are: abs, sign, sqrt, exp, log, sin, acos, min, max, clamp,"
        + " where, sum, mean, norm, dot, cos, var, quantile, max_abs, random\n"
        + "2:9: unknown name 'bar' | the names here are: base, math, code, k, t, scale, a\n"
        + "4:12: unknown name 'qux' | the names here are: base, math, code, k, t, scale, a, b, c"
    ),
  ])
  func `says what is wrong`(text: String, expected: String) {
    #expect(faults(text) == expected)
  }

  @Test func `without a base model there is no base`() {
    let names = FormulaNames(models: ["a"], hasBase: false, parameters: [])
    #expect(
      faults("a - base", names: names)
        == "1:5: there is no base model | name one with 'base_model: PATH'")
  }

  @Test func `tells what the result is made from`() throws {
    let text = "u = norm(code)\nbase + t * math + k * 0.5 * math"
    let formula = try #require(Formula.read(FormulaText(text), names: Self.names).formula)
    #expect(formula.models == ["base", "math"])
    #expect(formula.parameters == ["t", "k"])
  }

  @Test func `equal expressions are one node and numbers are worked out`() throws {
    func nodes(_ text: String) throws -> Int {
      let formula = try #require(Formula.read(FormulaText(text), names: Self.names).formula)
      return formula.graph.nodes.count
    }
    #expect(try nodes("(math - base) * (math - base)") == nodes("m = math - base\nm * m"))
    #expect(try nodes("(math - base) ^ 2") == nodes("m = math - base\nm * m") + 1)
    #expect(try nodes("math * (2 * 3 + 1)") == nodes("math * 7") + 4)
    #expect(try nodes("random() + random()") == 3)
    #expect(try nodes("r = random()\nr + r") == 2)
    #expect(try nodes("math + norm(math)") == nodes("norm(math) + math"))
  }

  @Test func `formulas that are too long are refused`() {
    let long = "math" + String(repeating: " + math", count: 100_000)
    #expect(
      faults(long) == "1:1: the formula has 700004 characters, at most 10000 are read")
    let longest = "math" + String(repeating: "+math", count: 1_999)
    #expect(longest.utf8.count == 9_999)
    #expect(faults(longest) == "")
  }
}
