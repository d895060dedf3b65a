import Sinter
import Testing

/// Faulty recipes with the exact text that a person gets.
extension BadRecipe {
  static let structure = [
    BadRecipe(
      "a list at the root",
      """
      - merge_method: linear
      """,
      gives: """
        r.yml:1:1: error: expected a map with 'merge_method' and 'models', found a list
        """),
    BadRecipe(
      "a scalar at the root",
      """
      linear
      """,
      gives: """
        r.yml:1:1: error: expected a map with 'merge_method' and 'models', found 'linear'
        """),
    BadRecipe(
      "no method",
      """
      models:
        - model: a
      """,
      gives: """
        r.yml:1:1: error: 'merge_method' is missing
        hint: write for example 'merge_method: linear'
        """),
    BadRecipe(
      "null method",
      """
      merge_method:
      models:
        - model: a
          parameters: {weight: 1}
      """,
      gives: """
        r.yml:1:1: error: 'merge_method' is missing
        hint: write for example 'merge_method: linear'
        """),
    BadRecipe(
      "method is a list",
      """
      merge_method: [linear]
      models:
        - model: a
          parameters: {weight: 1}
      """,
      gives: """
        r.yml:1:15: error: 'merge_method' must be text, found a list
        """),
    BadRecipe(
      "no body",
      """
      merge_method: linear
      dtype: float32
      """,
      gives: """
        r.yml:1:1: error: none of 'models', 'slices', 'modules' is given
        hint: list the models to merge under 'models'
        """),
    BadRecipe(
      "empty models",
      """
      merge_method: linear
      models: []
      """,
      gives: """
        r.yml:2:1: error: 'models' is empty
        hint: list the models to merge under 'models'
        """),
    BadRecipe(
      "models and slices",
      """
      merge_method: linear
      models:
        - model: a
          parameters: {weight: 1}
      slices:
        - sources:
            - model: a
              layer_range: [0, 2]
              parameters: {weight: 1}
      """,
      gives: """
        r.yml:5:1: error: 'slices' cannot stand beside 'models'
        hint: keep one of 'models', 'slices', 'modules'
        """),
    BadRecipe(
      "models is a map",
      """
      merge_method: linear
      models:
        model: a
      """,
      gives: """
        r.yml:3:3: error: expected a list of maps with 'model', found a map
        """),
    BadRecipe(
      "model entry is text",
      """
      merge_method: linear
      models:
        - models/a
      """,
      gives: """
        r.yml:3:5: error: expected a map with 'model', found 'models/a'
        hint: write 'model: models/a'
        """),
    BadRecipe(
      "model entry is a list",
      """
      merge_method: linear
      models:
        - [a]
      """,
      gives: """
        r.yml:3:5: error: expected a map with 'model', found a list
        """),
    BadRecipe(
      "no model",
      """
      merge_method: linear
      models:
        - parameters: {weight: 1}
      """,
      gives: """
        r.yml:3:5: error: 'model' is missing
        hint: write 'model: PATH'
        """),
    BadRecipe(
      "null model",
      """
      merge_method: linear
      models:
        - model:
          parameters: {weight: 1}
      """,
      gives: """
        r.yml:3:5: error: 'model' is missing
        hint: write 'model: PATH'
        """),
    BadRecipe(
      "model is a list",
      """
      merge_method: linear
      models:
        - model: [a, b]
      """,
      gives: """
        r.yml:3:12: error: 'model' must be a path or a map with 'model', found a list
        """),
    BadRecipe(
      "unknown top key",
      """
      merge_method: linear
      models:
        - model: a
          parameters: {weight: 1}
      out_dtpye: float16
      """,
      gives: """
        r.yml:5:1: error: unknown key 'out_dtpye'
        hint: did you mean 'out_dtype'?
        """),
    BadRecipe(
      "unknown key without a neighbour",
      """
      merge_method: linear
      models:
        - model: a
          parameters: {weight: 1}
          colour: red
      """,
      gives: """
        r.yml:5:5: error: unknown key 'colour'
        hint: the keys here are: model, as, parameters
        """),
    BadRecipe(
      "unknown key in a slice and a source",
      """
      merge_method: passthrough
      slices:
        - source:
            - model: a
          sources:
            - model: a
              layers: [0, 4]
              layer_range: [0, 4]
      """,
      gives: """
        r.yml:3:5: error: unknown key 'source'
        hint: did you mean 'sources'?
        r.yml:7:9: error: unknown key 'layers'
        hint: the keys here are: model, layer_range, as, parameters
        """),
    BadRecipe(
      "tokenizer",
      """
      merge_method: linear
      models:
        - model: a
          parameters: {weight: 1}
      tokenizer:
        source: union
      """,
      gives: """
        r.yml:5:1: error: 'tokenizer' is not supported yet
        hint: remove it: the base's tokenizer files are copied unchanged
        """),
    BadRecipe(
      "tokenizer_source and chat_template",
      """
      merge_method: linear
      tokenizer_source: base
      chat_template: auto
      models:
        - model: a
          parameters: {weight: 1}
      """,
      gives: """
        r.yml:2:1: error: 'tokenizer_source' is not supported yet
        hint: remove it: the base's tokenizer files are copied unchanged
        r.yml:3:1: error: 'chat_template' is not supported yet
        hint: remove it: the base's tokenizer files are copied unchanged
        """),
    BadRecipe(
      "residual weight",
      """
      merge_method: passthrough
      slices:
        - sources:
            - model: a
              layer_range: [0, 4]
          residual_weight: 0.5
      """,
      gives: """
        r.yml:6:5: error: nobody reads 'residual_weight'
        hint: remove it: it has no effect
        """),
    BadRecipe(
      "sources of unequal length",
      """
      merge_method: slerp
      base_model: a
      parameters: {t: 0.5}
      slices:
        - sources:
            - {model: a, layer_range: [0, 3]}
            - {model: b, layer_range: [0, 4]}
      """,
      gives: """
        r.yml:7:33: error: layer_range [0, 4] has 4 layers, layer_range [0, 3] of the slice's first source has 3
        hint: all sources of a slice have the same length
        """),
    BadRecipe(
      "empty sources",
      """
      merge_method: passthrough
      slices:
        - sources: []
      """,
      gives: """
        r.yml:3:14: error: 'sources' is empty
        hint: list the layers to merge
        """),
    BadRecipe(
      "model twice",
      """
      merge_method: linear
      models:
        - model: a
          parameters: {weight: 1}
        - model: a
          parameters: {weight: 2}
      """,
      gives: """
        r.yml:5:12: error: the model 'a' is listed twice
        hint: it was first listed at 3:12: keep one entry and give it the whole weight
        """),
    BadRecipe(
      "empty modules entry",
      """
      merge_method: linear
      modules:
        text_decoder: {}
      """,
      gives: """
        r.yml:3:17: error: none of 'models', 'slices' is given
        hint: list the models to merge under 'models'
        """),
    BadRecipe(
      "modules is a list",
      """
      merge_method: linear
      modules: [text_decoder]
      """,
      gives: """
        r.yml:2:10: error: expected a map of modules, found a list
        """),
  ]
}
