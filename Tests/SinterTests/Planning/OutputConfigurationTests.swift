import SinterTensors
import Testing

@testable import Sinter

@Suite struct OutputConfigurationTests {
  private static let recipe = """
    merge_method: linear
    models:
      - model: a
        parameters: {weight: 1}
      - model: b
        parameters: {weight: 1}
    """

  private func configuration(
    _ types: [(DType, Int)], config: String?, recipe: String = recipe,
    options: PlanOptions = PlanOptions()
  ) throws -> String? {
    let merge = try TestMerge()
    let tensors = types.enumerated().map { place, type in
      TestTensor("t\(place)", type.0, [type.1], Array(repeating: 1, count: type.1))
    }
    try merge.model("a", tensors, config: config)
    try merge.model("b", tensors, config: #"{"other": true}"#)
    return try merge.plan(recipe, options: options).configuration
  }

  @Test func `a donor without a configuration gives none`() throws {
    #expect(try configuration([(.float32, 1)], config: nil) == nil)
  }

  @Test func `the type of most elements is told, all else stays to the letter`() throws {
    let config = """
      { "eps":1e-05,"theta": 1000000.0, "n": 1E2, "x": "\\u00e9", "torch_dtype": "float16",
      \t"text_config": {"dtype": "float64"}, "nothing": NaN }

      """
    #expect(
      try configuration([(.float32, 2), (.bfloat16, 3), (.int64, 9)], config: config)
        == config.replacing("float16", with: "bfloat16").replacing("float64", with: "bfloat16"))
  }

  @Test func `a configuration that is silent stays so, unless a type was asked for`() throws {
    let types: [(DType, Int)] = [(.float32, 2)]
    #expect(try configuration(types, config: "{}") == "{}")
    let added = #"{"torch_dtype": "float16"}"#
    #expect(try configuration(types, config: "{}", options: .init(dtype: .float16)) == added)
    #expect(
      try configuration(types, config: "{}", recipe: Self.recipe + "\nout_dtype: float16") == added)
    #expect(
      try configuration(
        types, config: "{}", recipe: Self.recipe + "\ndtype: bfloat16\nout_dtype: float16")
        == added)
  }

  @Test func `whole numbers have no say in the type`() throws {
    #expect(
      try configuration([(.int64, 5)], config: #"{"torch_dtype": "float16"}"#)
        == #"{"torch_dtype": "float16"}"#)
  }

  @Test func `another model class is told`() throws {
    let text = try configuration(
      [(.float32, 1)], config: #"{"architectures": ["X"]}"#,
      recipe: Self.recipe.replacing(
        "model: a", with: "model: {model: a, override_architecture: YForCausalLM}"))
    #expect(text == #"{"architectures": ["YForCausalLM"]}"#)
  }

  @Test func `a stack whose length the configuration does not state is told`() throws {
    let merge = try TestMerge()
    let tensors = (0..<3).map { TestTensor("h.\($0).w", .float32, [1], [1]) }
    try merge.model("a", tensors, config: #"{"model_type": "x"}"#)
    let plan = try merge.plan(
      """
      merge_method: passthrough
      slices: [{sources: [{model: a, layer_range: [0, 2]}]}]
      """)
    #expect(
      plan.remarks.map(\.description) == [
        "warning: the configuration of 'a' does not say how many layers 'h' has; it is left as it "
          + "is, though the output has 2"
      ])
    #expect(plan.ledger.counts(ofInput: 0).copied == 2)
    #expect(plan.ledger.inputs[0].last?.fate == .excluded(.layerNotSelected))
  }
}
