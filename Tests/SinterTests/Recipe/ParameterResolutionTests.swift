import Sinter
import Testing

struct ParameterResolutionTests {
  private let weight = ParameterDeclaration(
    "weight", scope: .nonBase, kind: .anyNumber, default: .required, meaning: "")

  @Test func `source wins over slice over module over top`() throws {
    let text = """
      merge_method: ties
      base_model: c
      parameters: {weight: 4}
      modules:
        m:
          parameters: {weight: {filter: to_module, value: 3}}
          slices:
            - parameters: {weight: {filter: slice, value: 2}}
              sources:
                - model: a
                  layer_range: [0, 1]
                  parameters: {weight: {filter: source, value: 1}}
                - {model: b, layer_range: [0, 1], parameters: {weight: []}}
                - {model: c, layer_range: [0, 1]}
      """
    let recipe = try MergeRecipe.read(text: text, file: "r.yml", methods: SampleMethods.all)
    let slice = try #require(recipe.outputSlices(base: .required).first)
    let a = slice.inputs[0].parameters
    #expect(try a.value(of: weight, for: "source_slice_to_module", at: 0) == .number(1))
    #expect(try a.value(of: weight, for: "slice_to_module", at: 0) == .number(2))
    #expect(try a.value(of: weight, for: "to_module", at: 0) == .number(3))
    #expect(try a.value(of: weight, for: "x", at: 0) == .number(4))
    let b = slice.inputs[1].parameters
    #expect(try b.value(of: weight, for: "source_slice_to_module", at: 0) == .number(2))
    #expect(slice.inputs.map(\.isBase) == [false, false, true])
    #expect(slice.parameters.levels.count == 3)
    #expect(try slice.parameters.value(of: weight, for: "source", at: 0) == .number(4))
    #expect(slice.module?.value == "m")
    #expect(slice.inputs[0].layerRange?.value == 0..<1)
    #expect(!slice.isWhole)
  }

  @Test func `the default comes last`() throws {
    let none = ParameterResolution([])
    let half = ParameterDeclaration(
      "half", scope: .tensor, kind: .anyNumber, default: .value(.number(0.5)), meaning: "")
    let absent = ParameterDeclaration(
      "absent", scope: .tensor, kind: .anyNumber, default: .absent, meaning: "")
    #expect(try none.value(of: half, for: "x", at: 0) == .number(0.5))
    #expect(try none.value(of: absent, for: "x", at: 0) == nil)
  }

  @Test func `a tensor that no filter fits is told by name`() throws {
    let text = """
      {merge_method: linear, models: [
        {model: a, parameters: {weight: {filter: mlp, value: 1}}}]}
      """
    let recipe = try MergeRecipe.read(text: text, file: "r.yml", methods: SampleMethods.all)
    let input = try #require(recipe.outputSlices(base: .ignored).first?.inputs.first)
    #expect(try input.parameters.value(of: weight, for: "mlp.up", at: 0) == .number(1))
    let fault = #expect(throws: RecipeFault.self) {
      try input.parameters.value(of: weight, for: "norm", at: 0)
    }
    #expect(
      fault?.diagnostic(file: recipe.file, at: input.position).description == """
        r.yml:2:27: error: the required parameter 'weight' has no value for tensor 'norm'
        hint: end its list of filters with an entry that has only a 'value'
        """)
  }
}
