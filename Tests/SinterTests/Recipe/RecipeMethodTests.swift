import Testing

@testable import Sinter

struct RecipeMethodTests {
  /// What reading a recipe says, without the name of its file.
  private func faults(_ text: String) -> String {
    do throws(DiagnosticError) {
      let recipe = try MergeRecipe.read(
        text: text, file: "r.yml", methods: MethodRegistry.builtIn.declarations)
      return RecipeCheck.check(recipe, methods: MethodRegistry.builtIn.declarations)
        .map(\.short).joined(separator: "\n")
    } catch {
      return error.diagnostics.map(\.short).joined(separator: "\n")
    }
  }

  private static let head = """
    merge_method: formula
    base_model: ./base
    models:
      - {model: ./math-7b, as: math}
      - model: ./code
    parameters: {k: 0.7}

    """

  @Test func `the example of the method is accepted`() throws {
    let text = FormulaMethod.declaration.example
    #expect(faults(text) == "")
    let recipe = try MergeRecipe.read(
      text: text, file: "r.yml", methods: MethodRegistry.builtIn.declarations)
    let used = RecipeMethod(FormulaMethod.declaration, in: recipe)
    #expect(used.declaration.parameters.map(\.name) == ["k"])
    #expect(used.formula?.models == ["math", "base", "code"])
  }

  @Test(arguments: [
    ("formula: base + k * (math - base) + code", ""),
    (
      "formula: |\n  m = math - base\n  base + k * m + coed\n",
      "9:18: unknown name 'coed' | did you mean 'code'?"
    ),
    (
      "formula: base + k * norm(math + code,\n  1)",
      "7:21: 'norm' takes 1 argument, found 2 | write 'norm(x)'"
    ),
    (
      "formula: base + math + code",
      "6:14: the formula does not use the parameter 'k' | remove it, or write its name into the formula"
    ),
    ("formula: base + k * math", "5:5: warning: the formula does not use 'code'"),
    ("", "1:15: 'formula' needs a formula | write for example 'formula: 0.5 * a + 0.5 * b'"),
    ("formula: [a]", "7:10: 'formula' must be text, found a list"),
    (
      "formula: |\n  x = k > 1\n  y = -x\n  math + code + z",
      "9:7: '-' wants numbers, found a condition | 'where(condition, x, y)' chooses between two"
        + " numbers\n10:17: unknown name 'z' | the names here are: base, math, code, k, x, y"
    ),
  ])
  func `faults have their place in the recipe`(formula: String, expected: String) {
    #expect(faults(Self.head + formula) == expected)
  }

  @Test(arguments: [
    (
      "- model: ./my-model",
      "3:10: the formula has no name for './my-model'"
        + " | give it one: 'as: NAME', of letters, digits and '_'"
    ),
    (
      "- model: ./x/norm",
      "3:10: the formula has no name for './x/norm'"
        + " | give it one: 'as: NAME', of letters, digits and '_'"
    ),
    (
      "- {model: ./x, as: my-x}",
      "3:20: 'my-x' cannot be a name in a formula"
        + " | a name has letters, digits and '_' and does not begin with a digit"
    ),
    ("- {model: ./x, as: norm}", "3:20: 'norm' is a word of formulas | take another name"),
    ("- {model: ./x, as: base}", "3:20: 'base' is the name of the base model | take another name"),
    (
      "- {model: ./x, as: a}\n- {model: ./y, as: a}",
      "4:20: two models have the name 'a' | give this one another: 'as: NAME'"
    ),
    ("- {model: ./x, as: [a]}", "3:20: 'as' must be text, found a list"),
    (
      "- {model: ./x, as: a, parameters: {k: 1}}",
      "1:15: 'formula' needs the parameter 'k' | set it in the top-level 'parameters'\n3:36: 'k' is one value for all models, nobody"
        + " reads it under a model | move it to the top-level 'parameters'"
    ),
    (
      "- {model: ./a, parameters: {k: high}}",
      "1:15: 'formula' needs the parameter 'k' | set it in the top-level 'parameters'\n3:29: 'k' is one value for all models, nobody"
        + " reads it under a model | move it to the top-level 'parameters'\n"
        + "3:32: 'k' must be a number, found 'high'"
    ),
  ])
  func `says what is wrong with names`(models: String, expected: String) {
    let isKnown = models.contains("k:")
    let name =
      models.contains("norm") || models.contains("my") || models.contains("base") ? "" : "a"
    let body = name.isEmpty ? "random()" : isKnown ? "a * k" : "a"
    let said = faults("merge_method: formula\nmodels:\n\(models)\nformula: \(body)")
    let errors = said.split(separator: "\n").filter { !$0.contains(": warning: ") }
    #expect(errors.joined(separator: "\n") == expected)
  }

  @Test func `only a formula has names and a formula`() {
    #expect(
      faults(
        """
        merge_method: linear
        models:
          - {model: a, as: x, parameters: {weight: 1}}
        formula: x
        """) == """
          3:20: 'as' names a model for a formula, 'linear' takes none | remove it
          4:10: 'linear' takes no formula | write 'merge_method: formula', or remove it
          """)
  }

  @Test func `every slice has what the formula uses`() {
    #expect(
      faults(
        """
        merge_method: formula
        slices:
          - sources:
              - {model: a, layer_range: [0, 2]}
              - {model: c, as: b, layer_range: [0, 2]}
          - sources:
              - {model: a, layer_range: [2, 4]}
            parameters: {k: 2}
        formula: a + b * k
        """) == """
          3:5: 'formula' needs the parameter 'k' | set it in the top-level 'parameters'
          6:5: the formula uses 'b', which is none of the slice's sources
          """)
  }

  @Test func `the base may be listed, and have a second name`() {
    #expect(
      faults(
        """
        merge_method: formula
        base_model: ./x/start-1
        models:
          - {model: ./x/start-1, as: start}
          - {model: ./end}
        formula: base + start + end
        """) == "")
  }

  @Test func `an incomplete recipe is not said to lack names`() {
    #expect(
      faults(
        """
        merge_method: formula
        models:
          - {modle: a}
          - {model: b}
        formula: a + b
        """) == """
          3:5: 'model' is missing | write 'model: PATH'
          3:6: unknown key 'modle' | did you mean 'model'?
          """)
  }
}
