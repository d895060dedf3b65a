import Sinter
import Testing

struct RecipeDecoderTests {
  @Test(arguments: BadRecipe.documents)
  func `says what is wrong with a document`(bad: BadRecipe) {
    #expect(bad.read() == bad.faults)
  }

  @Test func `reads JSON, tabs included`() throws {
    let text = """
      {
      \t"merge_method": "ties",
      \t"base_model": "models\\/base",
      \t"models": [
      \t\t{"model": "models/a", "parameters": {"weight": 5e-1, "density": [0, 1]}}
      \t],
      \t"parameters": {"normalize": true}, "tokenizer": null
      }
      """
    let recipe = try read(text)
    #expect(recipe.method.value == "ties")
    #expect(recipe.method.position == SourcePosition(line: 2, column: 18))
    #expect(recipe.baseModel?.value.path == "models/base")
    let slice = try #require(recipe.outputSlices(base: .required).first)
    #expect(slice.models.map(\.model.value.path) == ["models/a"])
    #expect(
      slice.models[0].parameters.levels[0]["weight"]?.cases[0].value
        == .scalar(Located(RecipeScalar("5e-1"), at: SourcePosition(line: 5, column: 50))))
  }

  @Test func `faults in JSON have positions too`() {
    let bad = BadRecipe(
      "", "{\"merge_method\":\"ties\",\n\t\"modles\":[]}",
      gives: """
        r.yml:1:1: error: none of 'models', 'slices', 'modules' is given
        hint: list the models to merge under 'models'
        r.yml:2:2: error: unknown key 'modles'
        hint: did you mean 'models'?
        """)
    #expect(bad.read() == bad.faults)
  }

  @Test func `standard input has a name`() {
    let decoded = RecipeDecoder.decode(text: "a: 1", file: "-")
    #expect(decoded.recipe == nil)
    #expect(decoded.diagnostics.allSatisfy { $0.file == "<stdin>" })
    #expect(decoded.diagnostics.contains { $0.description.hasPrefix("<stdin>:1:1: error: ") })
  }

  @Test func `columns count Unicode scalars`() throws {
    // One scalar beyond the basic plane, one letter of two scalars, then a value.
    let recipe = try read(
      "{merge_method: linear, models: [{model: '🦙e\u{301}', parameters: {weight: 2}}]}")
    guard case .models(let entries) = recipe.body else {
      Issue.record("not a list of models")
      return
    }
    #expect(entries[0].model.value.path == "🦙e\u{301}")
    #expect(entries[0].model.position == SourcePosition(line: 1, column: 41))
    let setting = try #require(entries[0].parameters["weight"])
    #expect(setting.name.position == SourcePosition(line: 1, column: 61))
    #expect(setting.cases[0].position == SourcePosition(line: 1, column: 69))
  }

  @Test(arguments: ["\n", "\r\n", "\r"])
  func `every line ending counts once`(ending: String) throws {
    let text = ["merge_method: linear", "models:", "- model: ü", "  parameters: {weight: 1}"]
    let recipe = try read(text.joined(separator: ending))
    #expect(
      recipe.modelMentions.map(\.model.position) == [SourcePosition(line: 3, column: 10)])
    #expect(recipe.text == text.joined(separator: ending))
  }

  @Test(arguments: ["\n", "\r\n", "\r", "\u{85}", "\u{2028}"])
  func `our own scan counts lines as the parser does`(ending: String) {
    let twice = [
      "merge_method: linear", "dtype: float32", "dtype: float32", "models: [{model: a}]",
    ]
    let decoded = RecipeDecoder.decode(text: twice.joined(separator: ending), file: "r.yml")
    #expect(decoded.diagnostics.map(\.position) == [SourcePosition(line: 3, column: 1)])
    #expect(decoded.diagnostics.map(\.message) == ["duplicate key 'dtype'"])
    let bell = ["a: 1", "b: 2", "cc\u{7}: 3"].joined(separator: ending)
    #expect(
      RecipeDecoder.decode(text: bell, file: "r.yml").diagnostics.map(\.position)
        == [SourcePosition(line: 3, column: 3)])
  }

  @Test func `a byte order mark is no part of the first line`() throws {
    let recipe = try read(
      "\u{FEFF}merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}]")
    #expect(recipe.method.position == SourcePosition(line: 1, column: 15))
  }

  @Test func `a document may have markers`() throws {
    let recipe = try read(
      "%YAML 1.1\n---\nmerge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}]\n...\n")
    #expect(recipe.method.position == SourcePosition(line: 3, column: 15))
  }

  @Test func `anchors, aliases and merge keys are resolved`() throws {
    let recipe = try read(
      """
      merge_method: ties
      base_model: &base models/base
      models:
        - model: *base
        - model: a
          parameters: &common
            weight: 1
            density: 0.5
        - model: b
          parameters:
            <<: *common
            density: 0.25
        - model: c
          parameters:
            <<: [{weight: 7}, *common]
      """)
    let slice = try #require(recipe.outputSlices(base: .required).first)
    #expect(slice.base?.model.value.path == "models/base")
    let values = slice.models.map { input in
      ["weight", "density"].map { name -> Double? in
        guard case .scalar(let scalar) = input.ownParameters[name]?.cases[0].value else {
          return nil
        }
        return scalar.value.number
      }
    }
    #expect(values == [[1, 0.5], [1, 0.25], [7, 0.5]])
  }

  @Test func `a fault in an alias is told once`() {
    let bad = BadRecipe(
      "",
      """
      merge_method: linear
      models:
        - model: a
          parameters: &p {weight: x}
        - model: b
          parameters: *p
      """, gives: "r.yml:4:29: error: 'weight' must be a number, found 'x'")
    #expect(bad.read() == bad.faults)
  }

  @Test func `aliases of aliases do not fill the memory`() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      let uses = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(uses)]\n"
    }
    let decoded = RecipeDecoder.decode(text: text, file: "r.yml")
    #expect(
      decoded.diagnostics.map(\.description) == ["r.yml:1:1: error: the aliases expand too far"])
  }

  @Test func `deep nesting is an error`() {
    let text = String(repeating: "[", count: 100_000)
    let decoded = RecipeDecoder.decode(text: text, file: "r.yml")
    #expect(decoded.recipe == nil)
    #expect(decoded.diagnostics.count == 1)
    #expect(decoded.diagnostics[0].message == "lists and maps are nested too deeply")
  }

  @Test func `duplicate keys of every spelling keep their positions`() {
    let bad = BadRecipe(
      "",
      """
      merge_method: linear
      models:
        - model: a
          parameters: {"weight": 1, 'weight': 2, weight: 3}
          model: b
      ü: 1
      ü: 2
      """,
      gives: """
        r.yml:4:31: error: duplicate key 'weight'
        hint: it was first given at 4:18: keep one of them
        r.yml:4:44: error: duplicate key 'weight'
        hint: it was first given at 4:18: keep one of them
        r.yml:5:5: error: duplicate key 'model'
        hint: it was first given at 3:5: keep one of them
        r.yml:6:1: error: unknown key 'ü'
        hint: the keys here are: merge_method, base_model, models, slices, modules, \
        parameters, formula, dtype, out_dtype
        r.yml:7:1: error: duplicate key 'ü'
        hint: it was first given at 6:1: keep one of them
        """)
    #expect(bad.read() == bad.faults)
  }

  @Test func `a duplicate key that cannot be told apart ends the reading`() {
    let bad = BadRecipe(
      "", "\"\\x61\": 1\na: 2",
      gives: "r.yml:1:1: error: the key 'a' stands in one map twice")
    #expect(bad.read() == bad.faults)
  }

  @Test func `no text makes the reader stop short`() {
    var random = SeededRandom(seed: 20)
    let odd = Array("\n\t :-[]{}&*!|>'\"%@`#,?<0a\\é\u{0}\u{FEFF}~")
    for good in GoodRecipe.all {
      var texts: [String] = []
      let characters = Array(good.text)
      for _ in 0..<40 {
        texts.append(
          String(characters.prefix(Int.random(in: 0...characters.count, using: &random))))
        var changed = characters
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          let place = Int.random(in: 0..<changed.count, using: &random)
          changed[place] = odd[Int.random(in: 0..<odd.count, using: &random)]
        }
        texts.append(String(changed))
      }
      for text in texts {
        let decoded = RecipeDecoder.decode(text: text, file: "r.yml")
        #expect(decoded.recipe != nil || !decoded.diagnostics.isEmpty)
        #expect(decoded.isComplete || !decoded.diagnostics.isEmpty)
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for diagnostic in decoded.diagnostics {
          #expect((1...lines.count + 1).contains(diagnostic.position?.line ?? 0))
        }
        let positions = decoded.diagnostics.compactMap(\.position)
        #expect(positions == positions.sorted())
        if let recipe = decoded.recipe {
          _ = RecipeCheck.check(recipe, methods: SampleMethods.all)
        }
      }
    }
  }

  private func read(_ text: String) throws -> MergeRecipe {
    try MergeRecipe.read(text: text, file: "r.yml", methods: SampleMethods.all)
  }
}

/// A generator whose numbers are the same in every run (SplitMix64).
private struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
