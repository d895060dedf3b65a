import Sinter
import SinterTensors
import Testing

struct RecipeReaderTests {
  @Test(arguments: BadRecipe.structure)
  func `says what is wrong with the structure`(bad: BadRecipe) {
    #expect(bad.read() == bad.faults)
  }

  @Test(arguments: BadRecipe.values)
  func `says what is wrong with a value`(bad: BadRecipe) {
    #expect(bad.read() == bad.faults)
  }

  @Test func `every value of a recipe of models has its position`() throws {
    let recipe = try read(
      """
      merge_method: ties
      base_model: models/base
      dtype: torch.float32
      out_dtype: bfloat16
      parameters:
        normalize: yes
      models:
        - model: models/a
          parameters:
            weight: "0.5"
            density:
              - filter: mlp
                value: [0.1, 0.9]
              - value: 1
        - model: {model: b+c}
          parameters: {weight: 1}
      """)
    #expect(recipe.file == "r.yml")
    #expect(recipe.method == Located("ties", at: at(1, 15)))
    #expect(recipe.baseModel == Located(ModelReference(path: "models/base"), at: at(2, 13)))
    #expect(recipe.dtype == Located(.float32, at: at(3, 8)))
    #expect(recipe.outDtype == Located(.bfloat16, at: at(4, 12)))
    #expect(
      recipe.parameters
        == ParameterMap([
          ParameterSetting(
            name: Located("normalize", at: at(6, 3)), cases: [one("yes", at(6, 14))])
        ]))
    #expect(recipe.bodyPosition == at(7, 1))
    let weight = ParameterCase(
      value: .scalar(Located(RecipeScalar("0.5", isQuoted: true), at: at(10, 15))),
      position: at(10, 15))
    let density = [
      ParameterCase(
        filter: Located("mlp", at: at(12, 19)),
        value: .gradient([
          Located(RecipeScalar("0.1"), at: at(13, 19)),
          Located(RecipeScalar("0.9"), at: at(13, 24)),
        ]), position: at(12, 11)),
      ParameterCase(
        value: .scalar(Located(RecipeScalar("1"), at: at(14, 18))), position: at(14, 11)),
    ]
    #expect(
      recipe.body
        == .models([
          ModelEntry(
            model: Located(ModelReference(path: "models/a"), at: at(8, 12)),
            parameters: ParameterMap([
              ParameterSetting(name: Located("weight", at: at(10, 7)), cases: [weight]),
              ParameterSetting(name: Located("density", at: at(11, 7)), cases: density),
            ]), position: at(8, 5)),
          ModelEntry(
            model: Located(ModelReference(path: "b+c"), at: at(15, 12)),
            parameters: ParameterMap([
              ParameterSetting(
                name: Located("weight", at: at(16, 18)), cases: [one("1", at(16, 26))])
            ]), position: at(15, 5)),
        ]))
  }

  @Test func `every value of a recipe of slices and modules has its position`() throws {
    let recipe = try read(
      """
      merge_method: slerp
      modules:
        text:
          slices:
            - base_model: a
              sources:
                - model: a
                  layer_range: [0, 4]
                - model: b
                  layer_range: ["2", 6.0]
              parameters: {t: 0.5}
        vision:
          parameters:
            t: [0, 1]
          models:
            - model: c
            - model: d
      base_model: c
      """)
    let slice = SliceEntry(
      sources: [
        SliceSource(
          model: Located(ModelReference(path: "a"), at: at(7, 20)),
          layerRange: Located(0..<4, at: at(8, 26)), position: at(7, 13)),
        SliceSource(
          model: Located(ModelReference(path: "b"), at: at(9, 20)),
          layerRange: Located(2..<6, at: at(10, 26)), position: at(9, 13)),
      ],
      baseModel: Located(ModelReference(path: "a"), at: at(5, 21)),
      parameters: ParameterMap([
        ParameterSetting(name: Located("t", at: at(11, 22)), cases: [one("0.5", at(11, 25))])
      ]), position: at(5, 9))
    let gradient = ParameterCase(
      value: .gradient([
        Located(RecipeScalar("0"), at: at(14, 11)), Located(RecipeScalar("1"), at: at(14, 14)),
      ]), position: at(14, 10))
    #expect(recipe.bodyPosition == at(2, 1))
    #expect(
      recipe.body
        == .modules([
          ModuleEntry(
            name: Located("text", at: at(3, 3)), body: .slices([slice]),
            bodyPosition: at(4, 5)),
          ModuleEntry(
            name: Located("vision", at: at(12, 3)),
            body: .models([
              ModelEntry(
                model: Located(ModelReference(path: "c"), at: at(16, 16)), position: at(16, 9)),
              ModelEntry(
                model: Located(ModelReference(path: "d"), at: at(17, 16)), position: at(17, 9)),
            ]), bodyPosition: at(15, 5),
            parameters: ParameterMap([
              ParameterSetting(name: Located("t", at: at(14, 7)), cases: [gradient])
            ])),
        ]))
    #expect(recipe.modelMentions.map(\.model.value.path) == ["a", "a", "b", "c", "d", "c"])
    #expect(recipe.modelMentions.map(\.role) == [.base, .input, .input, .input, .input, .base])
  }

  @Test func `null and empty values count as absent`() throws {
    let recipe = try read(
      """
      merge_method: passthrough
      base_model: ~
      models: []
      dtype:
      out_dtype: null
      tokenizer:
      parameters:
      slices:
        - sources:
            - {model: a, layer_range: [0, 1], parameters: ~}
          residual_weight:
      """)
    #expect(recipe.baseModel == nil)
    #expect(recipe.dtype == nil)
    #expect(recipe.outDtype == nil)
    #expect(recipe.parameters.isEmpty)
    #expect(recipe.bodyPosition == at(8, 1))
  }

  @Test(arguments: [
    ("bfloat16", DType.bfloat16), ("float16", .float16), ("float32", .float32),
    ("float64", .float64),
  ])
  func `dtypes have two names`(name: String, dtype: DType) throws {
    for spelling in [name, "torch." + name, "'\(name)'"] {
      let recipe = try read(
        "{merge_method: passthrough, models: [{model: a}], dtype: \(spelling)}")
      #expect(recipe.dtype?.value == dtype)
    }
  }

  @Test(arguments: [
    ("bf16", "bfloat16"), ("FP16", "float16"), ("half", "float16"), ("float", "float32"),
    ("fp32", "float32"), ("double", "float64"), ("torch.bf16", "bfloat16"),
    ("Float32", "float32"),
  ])
  func `other names of dtypes lead to the right one`(name: String, right: String) {
    let bad = BadRecipe(
      "", "{merge_method: passthrough, models: [{model: a}], out_dtype: \(name)}",
      gives: "r.yml:1:62: error: unknown dtype '\(name)'\nhint: did you mean '\(right)'?")
    #expect(bad.read() == bad.faults)
  }

  @Test(arguments: ["int64", "torch.int8", "uint8", "bool"])
  func `weights are never integers`(name: String) {
    let bad = BadRecipe(
      "", "{merge_method: passthrough, models: [{model: a}], dtype: \(name)}",
      gives: """
        r.yml:1:58: error: 'dtype' is '\(name)', weights cannot be merged as integers
        hint: use one of bfloat16, float16, float32, float64
        """)
    #expect(bad.read() == bad.faults)
  }

  @Test func `the map form of a model takes paths literally`() throws {
    let decoded = RecipeDecoder.decode(
      text: """
        merge_method: linear
        models:
          - model: {model: {path: ./a@b+c}, override_architecture: MyModel, lora: ~}
          - model:
              model: {path: d, revision: v1}
              lora: e+f@g
              adapters:
                - {path: h@i, weight: -5e-1}
                - {path: j}
        """, file: "r.yml")
    #expect(
      decoded.recipe?.modelMentions.map(\.model.value) == [
        ModelReference(path: "./a@b+c", overrideArchitecture: "MyModel"),
        ModelReference(
          path: "d", revision: "v1",
          adapters: [
            AdapterReference(path: "e+f", revision: "g"),
            AdapterReference(path: "h@i", weight: -0.5), AdapterReference(path: "j"),
          ]),
      ])
    #expect(decoded.isComplete)
    #expect(
      decoded.diagnostics.map(\.message) == [
        "a local folder has no revisions, found 'd@v1+e+f@g+h@i+j'"
      ])
  }

  private func read(_ text: String) throws -> MergeRecipe {
    try MergeRecipe.read(text: text, file: "r.yml", methods: SampleMethods.all)
  }

  private func at(_ line: Int, _ column: Int) -> SourcePosition {
    SourcePosition(line: line, column: column)
  }

  private func one(_ text: String, _ position: SourcePosition) -> ParameterCase {
    ParameterCase(
      value: .scalar(Located(RecipeScalar(text), at: position)), position: position)
  }
}
