import Testing

@testable import Sinter

struct FormulaTextTests {
  /// The place that a recipe's formula says of the last `X` in it.
  private func place(in recipe: String) throws -> SourcePosition {
    let decoded = RecipeDecoder.decode(text: recipe, file: "r.yml")
    let text = try #require(decoded.recipe?.formula)
    let offset = try #require(text.scalars.lastIndex(of: "X"))
    return text.position(of: offset)
  }

  /// Where the last `X` of a text stands.
  private func truth(in text: String) throws -> SourcePosition {
    let lines = text.split(separator: /\r\n|\n/, omittingEmptySubsequences: false)
    let line = try #require(lines.lastIndex { $0.contains("X") })
    let index = try #require(Array(lines[line].unicodeScalars).lastIndex(of: "X"))
    return SourcePosition(line: line + 1, column: index + 1)
  }

  @Test(arguments: [
    "formula: a + X",
    "formula:   'a + X'",
    "formula: \"a + X\"",
    "formula: |\n  m = a\n  m + X\n",
    "formula: |-\n\n     m = a\n\n     m + X\n",
    "formula: |2  # a remark\n    m = a\n    m + X\n",
    "formula: >\n  a +\n  X\n",
    "formula: a +\n  b +\n    X",
    "formula: \"a +\n  b + X\"",
    "formula: \"m = a\\nm + X\"",
    "formula: \"m = a\\\n  + X\"",
    "formula: !!str 'a + X'",
    "formula: &f |\n  m + X\n",
    "formula: |\r\n  m = a\r\n  m + X\r\n",
    "# ä€😀 in front\nformula: |\n  m = a # ä😀\n  # ü\n  m + X\n",
  ])
  func `knows where its characters stand in the recipe`(formula: String) throws {
    let recipe = "merge_method: formula\nmodels:\n- model: a\n" + formula
    #expect(try place(in: recipe) == truth(in: recipe))
  }

  @Test func `works in JSON, behind a byte order mark, and through an alias`() throws {
    let json =
      "\u{FEFF}{\"merge_method\": \"formula\", \"models\": [{\"model\": \"a\"}], "
      + "\"formula\": \"m = a\\nm + X\"}"
    #expect(try place(in: json) == truth(in: String(json.dropFirst())))
    let alias = "merge_method: &f 'a + X'\nmodels: [model: a]\nformula: *f\n"
    #expect(try place(in: alias) == truth(in: alias))
  }

  @Test func `stays at an escape that it does not follow`() throws {
    let recipe =
      "merge_method: formula\nmodels:\n- model: a\nformula: \"a + \\u0062 + X\""
    #expect(try place(in: recipe) == SourcePosition(line: 4, column: 15))
  }

  @Test func `a text of its own is counted from its beginning`() {
    let text = FormulaText("ab\n c")
    #expect(text.position == SourcePosition(line: 1, column: 1))
    #expect(text.position(of: 4) == SourcePosition(line: 2, column: 2))
    #expect(text.position(of: 5) == SourcePosition(line: 2, column: 3))
    #expect(FormulaText("").position == SourcePosition(line: 1, column: 1))
  }
}
