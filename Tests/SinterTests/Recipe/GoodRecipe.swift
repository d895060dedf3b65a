import Testing

/// A valid recipe and the inputs of its slices; the base is marked with a star.
struct GoodRecipe: Sendable, CustomTestStringConvertible {
  let name: String
  let text: String
  let inputs: [[String]]

  init(_ name: String, _ text: String, inputs: [[String]]) {
    self.name = name
    self.text = text
    self.inputs = inputs
  }

  var testDescription: String { name }

  static let all = [
    GoodRecipe(
      "weighted average",
      """
      # weights are normalised: one third each
      merge_method: linear
      models:
        - model: ./arith
          parameters:
            weight: 1
        - model: ./text
          parameters:
            weight: 1
        - model: ./copy
          parameters:
            weight: 1
      dtype: float32
      out_dtype: bfloat16
      """, inputs: [["./arith", "./text", "./copy"]]),
    GoodRecipe(
      "lists that are not indented",
      """
      merge_method: linear
      parameters:
        normalize: false
      models:
      - model: models/a
        parameters:
          weight: 0.5
      - model: models/b
        parameters:
          weight: 0.9
      - model: models/c
        parameters:
          weight: -0.2
      """, inputs: [["models/a", "models/b", "models/c"]]),
    GoodRecipe(
      "gradients and filters",
      """
      merge_method: linear
      models:
      - model: models/a
        parameters:
          weight:
          - filter: self_attn
            value:
            - 0.0
            - 0.5
            - 0.3
            - 0.7
            - 1.0
          - filter: mlp
            value: 0.25
          - value: 0.5
      - model: models/b
        parameters:
          weight:
          - filter: self_attn
            value: [1.0, 0.5, 0.7, 0.3, 0.0]
          - filter: mlp
            value: 0.75
          - value: 0.5
      """, inputs: [["models/a", "models/b"]]),
    GoodRecipe(
      "base not listed",
      """
      merge_method: ties
      base_model: models/base
      parameters:
        normalize: false
        lambda: 1.3
      models:
      - model: models/a
        parameters:
          weight: 0.5
          density: 0.4
      - model: models/b
        parameters:
          weight: 0.3
          density: 0.4
      """, inputs: [["models/a", "models/b", "*models/base"]]),
    GoodRecipe(
      "base listed first",
      """
      merge_method: slerp
      base_model: ./arith
      models:
        - model: ./arith
        - model: ./text
      parameters:
        t: 
          - filter: self_attn
            value: [0, 0.5, 0.3, 0.7, 1]
          - filter: mlp
            value: [1, 0.5, 0.7, 0.3, 0]
          - value: 0.5
      dtype: float32
      out_dtype: bfloat16
      """, inputs: [["*./arith", "./text"]]),
    GoodRecipe(
      "one model besides the base",
      """
      merge_method: fusion
      base_model: ./arith
      models:
        - model: ./text
      dtype: float32
      out_dtype: bfloat16
      """, inputs: [["./text", "*./arith"]]),
    GoodRecipe(
      "slices of two models",
      """
      merge_method: slerp
      base_model: models/a
      slices:
      - sources:
        - model: models/a
          layer_range:
          - 0
          - 4
        - model: models/b
          layer_range:
          - 0
          - 4
      parameters:
        t: 0.3
      """, inputs: [["*models/a", "models/b"]]),
    GoodRecipe(
      "a stack of layers",
      """
      merge_method: passthrough
      slices:
      - sources:
        - model: models/a
          layer_range:
          - 0
          - 2
      - sources:
        - model: models/a
          layer_range:
          - 1
          - 4
          parameters:
            scale:
            - filter: o_proj
              value: 0.0
            - filter: down_proj
              value: 0.0
            - value: 1.0
      """, inputs: [["models/a"], ["models/a"]]),
    GoodRecipe(
      "slices of different models",
      """
      merge_method: linear
      slices:
      - sources:
        - model: models/a
          layer_range: [0, 2]
          parameters:
            weight: 0.3
        - model: models/b
          layer_range: [2, 4]
          parameters:
            weight: 0.7
      - sources:
        - model: models/b
          layer_range: [2, 4]
          parameters:
            weight: 0.9
        - model: models/c
          layer_range: [0, 2]
          parameters:
            weight: 0.1
      """, inputs: [["models/a", "models/b"], ["models/b", "models/c"]]),
    GoodRecipe(
      "an optional base left out",
      """
      merge_method: nuslerp
      models:
      - model: models/a
        parameters:
          weight: 0.7
      - model: models/b
        parameters:
          weight: 0.3
      """, inputs: [["models/a", "models/b"]]),
    GoodRecipe(
      "an optional base given",
      """
      merge_method: nuslerp
      base_model: ./base
      models:
        - model: ./arith
          parameters:
            weight: 0.5
        - model: ./text
          parameters:
            weight: 0.5
      """, inputs: [["./arith", "./text", "*./base"]]),
    GoodRecipe(
      "a base that is an input like any other",
      """
      merge_method: karcher
      base_model: ./base
      models:
        - model: ./arith
        - model: ./text
      """, inputs: [["./arith", "./text", "./base"]]),
    GoodRecipe(
      "a base for each slice",
      """
      merge_method: slerp
      parameters: {t: 1e-1}
      slices:
        - base_model: a
          sources:
            - {model: a, layer_range: [0, 2]}
            - {model: b, layer_range: [0, 2]}
        - base_model: b
          sources:
            - {model: a, layer_range: [2, 4]}
            - {model: b, layer_range: [2, 4]}
      """, inputs: [["*a", "b"], ["a", "*b"]]),
    GoodRecipe(
      "modules",
      """
      merge_method: slerp
      base_model: a
      parameters: {t: .5}
      modules:
        text_decoder:
          slices:
            - sources:
                - {model: a, layer_range: [0, 2]}
                - {model: b, layer_range: [0, 2]}
            - sources:
                - {model: b, layer_range: [2, 4]}
                - {model: a, layer_range: [2, 4]}
        vision_tower:
          models:
            - model: c
      """, inputs: [["*a", "b"], ["b", "*a"], ["c", "*a"]]),
  ]
}
