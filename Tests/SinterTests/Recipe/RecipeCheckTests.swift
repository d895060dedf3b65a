import Sinter
import Testing

struct RecipeCheckTests {
  @Test(arguments: BadRecipe.methods)
  func `says what is wrong for the method`(bad: BadRecipe) {
    #expect(bad.read() == bad.faults)
  }

  @Test(arguments: GoodRecipe.all)
  func `accepts recipes that work elsewhere`(good: GoodRecipe) throws {
    let recipe = try MergeRecipe.read(
      text: good.text, file: "good.yml", methods: SampleMethods.all)
    let method = try #require(SampleMethods.all.first { $0.name == recipe.method.value })
    let slices = recipe.outputSlices(base: method.base)
    let inputs = slices.map { slice in
      slice.inputs.map { ($0.isBase ? "*" : "") + $0.model.value.description }
    }
    #expect(inputs == good.inputs)
    #expect(recipe.text == good.text)
  }

  @Test(arguments: [
    "levels of a module: {merge_method: slerp, base_model: a, modules: {text: {parameters: {t: 1},"
      + " models: [{model: a}, {model: b}]}}}",
    "one value at the top for all: {merge_method: linear, parameters: {weight: 1},"
      + " models: [{model: a}, {model: b}], base_model: c}",
    "filters that may fit: {merge_method: passthrough, models: [{model: a, parameters:"
      + " {scale: {filter: mlp, value: 2}}}]}",
    "a gradient that starts empty: {merge_method: linear, parameters: {weight: 1},"
      + " models: [{model: a, parameters: {weight: []}}]}",
  ])
  func `finds required values at every level`(named: String) throws {
    let text = String(named.drop { $0 != "{" })
    _ = try MergeRecipe.read(text: text, file: "r.yml", methods: SampleMethods.all)
  }

  @Test func `an incomplete recipe is not said to lack anything`() {
    let bad = BadRecipe(
      "",
      """
      merge_method: ties
      base_model: [x]
      models:
        - model: a
          parameters: {weight: 1, density: 2}
        - modle: b
      """,
      gives: """
        r.yml:2:13: error: 'base_model' must be a path or a map with 'model', found a list
        r.yml:5:38: error: 'density' must be from 0 to 1, found '2'
        r.yml:6:5: error: unknown key 'modle'
        hint: did you mean 'model'?
        r.yml:6:5: error: 'model' is missing
        hint: write 'model: PATH'
        """)
    #expect(bad.read() == bad.faults)
  }
}
