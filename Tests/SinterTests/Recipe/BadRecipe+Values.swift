import Sinter
import Testing

/// Faulty recipes with the exact text that a person gets.
extension BadRecipe {
  static let values = [
    BadRecipe(
      "revision",
      """
      merge_method: linear
      models:
        - model: org/a@main
          parameters: {weight: 1}
      """,
      gives: """
        r.yml:3:12: error: a local folder has no revisions, found 'org/a@main'
        hint: remove the revision; for a path that holds '@' write 'model: {model: {path: PATH}}'
        """),
    BadRecipe(
      "two at signs",
      """
      merge_method: linear
      models:
        - model: a@b@c
          parameters: {weight: 1}
      """,
      gives: """
        r.yml:3:12: error: more than one '@' in 'a@b@c'
        hint: for a path that holds '@' or '+' write 'model: {model: {path: ...}}'
        """),
    BadRecipe(
      "half a reference",
      """
      merge_method: linear
      models:
        - model: a+
          parameters: {weight: 1}
      """,
      gives: """
        r.yml:3:12: error: nothing on one side of '+' in the model reference 'a+'
        hint: for a path that holds '@' or '+' write 'model: {model: {path: ...}}'
        """),
    BadRecipe(
      "dtype alias",
      """
      merge_method: linear
      dtype: bf16
      models:
        - model: a
          parameters: {weight: 1}
      """,
      gives: """
        r.yml:2:8: error: unknown dtype 'bf16'
        hint: did you mean 'bfloat16'?
        """),
    BadRecipe(
      "dtype integer",
      """
      merge_method: linear
      dtype: torch.int64
      models:
        - model: a
          parameters: {weight: 1}
      """,
      gives: """
        r.yml:2:8: error: 'dtype' is 'torch.int64', weights cannot be merged as integers
        hint: use one of bfloat16, float16, float32, float64
        """),
    BadRecipe(
      "dtype misspelt, and unknown",
      """
      merge_method: linear
      dtype: bfloat61
      out_dtype: posit
      models:
        - model: a
          parameters: {weight: 1}
      """,
      gives: """
        r.yml:2:8: error: unknown dtype 'bfloat61'
        hint: did you mean 'bfloat16'?
        r.yml:3:12: error: unknown dtype 'posit'
        hint: the dtypes are: bfloat16, float16, float32, float64
        """),
    BadRecipe(
      "layer range reversed",
      """
      merge_method: passthrough
      slices:
        - sources:
            - {model: a, layer_range: [3, 1]}
      """,
      gives: """
        r.yml:4:33: error: layer_range [3, 1] is reversed
        hint: write [1, 3]
        """),
    BadRecipe(
      "layer range empty",
      """
      merge_method: passthrough
      slices:
        - sources:
            - {model: a, layer_range: [2, 2]}
      """,
      gives: """
        r.yml:4:33: error: layer_range [2, 2] is empty
        hint: END is not included: [2, 3] is one layer
        """),
    BadRecipe(
      "layer range negative and fractional",
      """
      merge_method: passthrough
      slices:
        - sources:
            - {model: a, layer_range: [-1, 2.5]}
      """,
      gives: """
        r.yml:4:34: error: 'layer_range' must hold whole numbers from 0 on, found '-1'
        hint: write [START, END]: layers count from 0, END is not included
        r.yml:4:38: error: 'layer_range' must hold whole numbers from 0 on, found '2.5'
        hint: write [START, END]: layers count from 0, END is not included
        """),
    BadRecipe(
      "layer range of three",
      """
      merge_method: passthrough
      slices:
        - sources:
            - {model: a, layer_range: [0, 1, 2]}
      """,
      gives: """
        r.yml:4:33: error: 'layer_range' must be a list of two whole numbers, found a list of 3
        hint: write [START, END]: layers count from 0, END is not included
        """),
    BadRecipe(
      "layer range as text",
      """
      merge_method: passthrough
      slices:
        - sources:
            - {model: a, layer_range: 0-4}
      """,
      gives: """
        r.yml:4:33: error: 'layer_range' must be a list of two whole numbers, found '0-4'
        hint: write [START, END]: layers count from 0, END is not included
        """),
    BadRecipe(
      "no layer range",
      """
      merge_method: passthrough
      slices:
        - sources:
            - {model: a}
      """,
      gives: """
        r.yml:4:9: error: 'layer_range' is missing
        hint: write for example 'layer_range: [0, 16]' for the layers 0 to 15
        """),
    BadRecipe(
      "parameters is a list",
      """
      merge_method: linear
      models:
        - model: a
          parameters: [weight]
      """,
      gives: """
        r.yml:4:17: error: expected a map of parameters, found a list
        """),
    BadRecipe(
      "null parameter",
      """
      merge_method: linear
      models:
        - model: a
          parameters:
            weight:
      """,
      gives: """
        r.yml:5:14: error: 'weight' must be a value, found nothing
        hint: give it a value or remove it
        """),
    BadRecipe(
      "mixed list",
      """
      merge_method: linear
      models:
        - model: a
          parameters:
            weight:
              - filter: mlp
                value: 1
              - 0.5
      """,
      gives: """
        r.yml:8:11: error: 'weight' mixes plain values with maps of 'filter' and 'value', found '0.5'
        hint: write '- value: ...' for a value without a filter
        """),
    BadRecipe(
      "condition without value",
      """
      merge_method: linear
      models:
        - model: a
          parameters:
            weight:
              - filter: mlp
      """,
      gives: """
        r.yml:6:11: error: 'value' is missing
        hint: write '- value: ...' beside 'filter'
        """),
    BadRecipe(
      "nested gradient",
      """
      merge_method: linear
      models:
        - model: a
          parameters:
            weight: [1, [2]]
      """,
      gives: """
        r.yml:5:19: error: 'weight' must be a value, found a list
        """),
    BadRecipe(
      "condition with unknown key",
      """
      merge_method: linear
      models:
        - model: a
          parameters:
            weight: {fliter: mlp, value: 1}
      """,
      gives: """
        r.yml:5:16: error: unknown key 'fliter'
        hint: did you mean 'filter'?
        """),
    BadRecipe(
      "map value inside a condition",
      """
      merge_method: linear
      models:
        - model: a
          parameters:
            weight: {filter: mlp, value: {value: 1}}
      """,
      gives: """
        r.yml:5:36: error: 'weight' must be a value or a list of values, found a map
        """),
  ]
}
