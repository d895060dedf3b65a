import Sinter
import Testing

struct OutputSliceTests {
  private static let text = """
    merge_method: ties
    base_model: base
    parameters: {weight: 1}
    models:
      - model: a
        parameters: {density: 0.5}
      - model: b
    """

  @Test func `a base that is not listed comes last, without parameters of its own`() throws {
    let slices = try recipe(Self.text).outputSlices(base: .required)
    #expect(slices.count == 1)
    let slice = try #require(slices.first)
    #expect(slice.isWhole)
    #expect(slice.module == nil)
    #expect(slice.position == SourcePosition(line: 4, column: 1))
    #expect(slice.inputs.map(\.model.value.path) == ["a", "b", "base"])
    #expect(slice.inputs.map(\.isBase) == [false, false, true])
    #expect(slice.inputs.map(\.ownParameters.isEmpty) == [false, true, true])
    #expect(slice.inputs.map(\.parameters.levels.count) == [2, 2, 2])
    #expect(slice.inputs.allSatisfy { $0.layerRange == nil })
    #expect(slice.base?.position == SourcePosition(line: 2, column: 13))
    #expect(slice.models.map(\.position.line) == [5, 7])
    #expect(slice.baseModel?.value.path == "base")
  }

  @Test func `a method that ignores bases has none`() throws {
    let slice = try #require(try recipe(Self.text).outputSlices(base: .ignored).first)
    #expect(slice.inputs.map(\.model.value.path) == ["a", "b", "base"])
    #expect(slice.base == nil)
    #expect(slice.models.count == 3)
    #expect(slice.baseModel?.value.path == "base")
  }

  @Test func `a listed base stays in its place`() throws {
    let listed = Self.text.replacing("base_model: base", with: "base_model: a")
    let slice = try #require(try recipe(listed).outputSlices(base: .optional).first)
    #expect(slice.inputs.map(\.model.value.path) == ["a", "b"])
    #expect(slice.inputs.map(\.isBase) == [true, false])
  }

  @Test func `slices get no further input, and their own base first`() throws {
    let slices = try recipe(
      """
      merge_method: slerp
      base_model: a
      parameters: {t: 1}
      slices:
        - sources:
            - {model: a, layer_range: [0, 2]}
            - {model: b, layer_range: [2, 4]}
        - base_model: b
          parameters: {t: 0}
          sources:
            - {model: a, layer_range: [0, 2]}
            - {model: b, layer_range: [2, 4]}
        - base_model: elsewhere
          sources: [{model: a, layer_range: [0, 2]}]
      """
    ).outputSlices(base: .required)
    #expect(slices.map { $0.inputs.map(\.isBase) } == [[true, false], [false, true], [false]])
    #expect(slices.map(\.baseModel?.value.path) == ["a", "b", "elsewhere"])
    #expect(slices[0].inputs.map(\.layerRange?.value) == [0..<2, 2..<4])
    #expect(slices.map(\.position.line) == [5, 8, 13])
    #expect(
      slices.map { $0.parameters.levels.map(\.isEmpty) }.map { $0.filter { !$0 }.count }
        == [1, 2, 1])
  }

  private func recipe(_ text: String) throws -> MergeRecipe {
    let decoded = RecipeDecoder.decode(text: text, file: "r.yml")
    #expect(decoded.diagnostics.isEmpty)
    return try #require(decoded.recipe)
  }
}
