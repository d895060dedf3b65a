import Sinter
import Testing

/// Faulty recipes with the exact text that a person gets.
extension BadRecipe {
  static let methods = [
    BadRecipe(
      "unknown method",
      """
      merge_method: dare-ties
      models:
        - model: a
      """,
      gives: """
        r.yml:1:15: error: unknown method 'dare-ties'
        hint: did you mean 'dare_ties'?
        """),
    BadRecipe(
      "unknown method without a neighbour",
      """
      merge_method: evolve
      models:
        - model: a
      """,
      gives: """
        r.yml:1:15: error: unknown method 'evolve'
        hint: the methods are: linear, slerp, ties, dare_ties, nuslerp, karcher, passthrough, fusion, stock
        """),
    BadRecipe(
      "unknown parameter",
      """
      merge_method: ties
      base_model: base
      models:
        - model: a
          parameters: {weight: 1, densty: 0.5}
      """,
      gives: """
        r.yml:5:29: error: unknown parameter 'densty' for method 'ties'
        hint: did you mean 'density'?
        """),
    BadRecipe(
      "unknown parameter without a neighbour",
      """
      merge_method: ties
      base_model: base
      models:
        - model: a
          parameters: {weight: 1, colour: 0.5}
      """,
      gives: """
        r.yml:5:29: error: unknown parameter 'colour' for method 'ties'
        hint: 'ties' knows: weight, density, normalize, lambda
        """),
    BadRecipe(
      "parameter of a method without any",
      """
      merge_method: fusion
      base_model: base
      models:
        - model: a
          parameters: {weight: 1}
      """,
      gives: """
        r.yml:5:18: error: unknown parameter 'weight' for method 'fusion'
        hint: 'fusion' has no parameters
        """),
    BadRecipe(
      "shared parameter under a model",
      """
      merge_method: linear
      models:
        - model: a
          parameters: {weight: 1, normalize: false}
      """,
      gives: """
        r.yml:4:29: error: 'normalize' is one value for all models, nobody reads it under a model
        hint: move it to the top-level 'parameters'
        """),
    BadRecipe(
      "parameter at the base",
      """
      merge_method: ties
      base_model: base
      models:
        - model: base
          parameters: {weight: 1}
        - model: a
          parameters: {weight: 1}
      """,
      gives: """
        r.yml:5:18: error: 'weight' is given to the base model, 'ties' does not read it there
        hint: remove it from 'base'
        """),
    BadRecipe(
      "missing parameter for two models",
      """
      merge_method: ties
      base_model: base
      models:
        - model: a
        - model: b
          parameters: {weight: 1}
        - model: c
          parameters: {weight: []}
      """,
      gives: """
        r.yml:4:5: error: 'ties' needs the parameter 'weight' for 'a'
        hint: set it in the 'parameters' of this model, or in the top-level 'parameters' for all models
        r.yml:7:5: error: 'ties' needs the parameter 'weight' for 'c'
        hint: set it in the 'parameters' of this model, or in the top-level 'parameters' for all models
        """),
    BadRecipe(
      "missing shared parameter",
      """
      merge_method: slerp
      base_model: a
      models:
        - model: b
      """,
      gives: """
        r.yml:1:15: error: 'slerp' needs the parameter 't'
        hint: set it in the top-level 'parameters'
        """),
    BadRecipe(
      "missing shared parameter in one slice",
      """
      merge_method: slerp
      base_model: a
      slices:
        - sources:
            - {model: a, layer_range: [0, 2]}
            - {model: b, layer_range: [0, 2]}
          parameters: {t: 0.5}
        - sources:
            - {model: a, layer_range: [2, 4]}
            - {model: b, layer_range: [2, 4]}
      """,
      gives: """
        r.yml:8:5: error: 'slerp' needs the parameter 't'
        hint: set it in the top-level 'parameters'
        """),
    BadRecipe(
      "missing for a base that counts as an input",
      """
      merge_method: linear
      base_model: base
      models:
        - model: a
          parameters: {weight: 1}
      """,
      gives: """
        r.yml:2:13: error: 'linear' needs the parameter 'weight' for 'base'
        hint: set it in the 'parameters' of this model, or in the top-level 'parameters' for all models
        """),
    BadRecipe(
      "wrong types",
      """
      merge_method: ties
      base_model: base
      parameters:
        normalize: maybe
        lambda: [1, big, .inf]
      models:
        - model: a
          parameters: {weight: 0x10, density: 010}
      """,
      gives: """
        r.yml:4:14: error: 'normalize' must be true or false, found 'maybe'
        r.yml:5:15: error: 'lambda' must be a number, found 'big'
        r.yml:5:20: error: 'lambda' must be a finite number, found '.inf'
        r.yml:8:26: error: 'weight' must be a number, found '0x10'
        hint: write it in decimal, without leading zeros
        r.yml:8:41: error: 'density' must be a number, found '010'
        hint: write it in decimal, without leading zeros
        """),
    BadRecipe(
      "out of range in a gradient",
      """
      merge_method: ties
      base_model: base
      models:
        - model: a
          parameters:
            weight: 1
            density:
              - filter: mlp
                value: [0, 0.5, 1.5]
              - value: -0.1
      """,
      gives: """
        r.yml:9:27: error: 'density' must be from 0 to 1, found '1.5'
        r.yml:10:18: error: 'density' must be from 0 to 1, found '-0.1'
        """),
    BadRecipe(
      "one-sided range, whole number, choice",
      """
      merge_method: karcher
      parameters:
        max_iter: 0
        origin: meen
      models:
        - model: a
        - model: b
      """,
      gives: """
        r.yml:3:13: error: 'max_iter' must be at least 1, found '0'
        r.yml:4:11: error: 'origin' must be one of 'mean', 'first', found 'meen'
        hint: did you mean 'mean'?
        """),
    BadRecipe(
      "whole number with a fraction",
      """
      merge_method: karcher
      parameters:
        max_iter: 1.5
      models:
        - model: a
        - model: b
      """,
      gives: """
        r.yml:3:13: error: 'max_iter' must be a whole number, found '1.5'
        """),
    BadRecipe(
      "below a one-sided range of numbers",
      """
      merge_method: nuslerp
      parameters:
        weight: -1
      models:
        - model: a
        - model: b
      """,
      gives: """
        r.yml:3:11: error: 'weight' must be at least 0, found '-1'
        """),
    BadRecipe(
      "too many models",
      """
      merge_method: slerp
      base_model: a
      parameters: {t: 0.5}
      models:
        - model: a
        - model: b
        - model: c
      """,
      gives: """
        r.yml:4:1: error: 'slerp' merges exactly 1 model besides the base, found 2
        hint: the base model 'a' is not counted
        """),
    BadRecipe(
      "too few models",
      """
      merge_method: stock
      base_model: base
      models:
        - model: a
      """,
      gives: """
        r.yml:3:1: error: 'stock' merges at least 2 models besides the base, found 1
        """),
    BadRecipe(
      "base among the two",
      """
      merge_method: nuslerp
      base_model: a
      parameters: {weight: 1}
      models:
        - model: a
        - model: b
      """,
      gives: """
        r.yml:4:1: error: 'nuslerp' merges exactly 2 models besides the base, found 1
        hint: the base model 'a' is not counted
        """),
    BadRecipe(
      "too many in a range, the base counted",
      """
      merge_method: karcher
      base_model: base
      models:
        - model: a
        - model: b
        - model: c
      """,
      gives: """
        r.yml:3:1: error: 'karcher' merges 2 to 3 models, found 4
        hint: the base model 'base' is one of them
        """),
    BadRecipe(
      "no base",
      """
      merge_method: ties
      models:
        - model: a
          parameters: {weight: 1}
      """,
      gives: """
        r.yml:1:15: error: 'ties' needs a base model
        hint: name the model that the others were made from: 'base_model: PATH'
        """),
    BadRecipe(
      "no base in one slice",
      """
      merge_method: slerp
      parameters: {t: 0.5}
      slices:
        - sources:
            - {model: a, layer_range: [0, 2]}
            - {model: b, layer_range: [0, 2]}
          base_model: a
        - sources:
            - {model: a, layer_range: [2, 4]}
            - {model: b, layer_range: [2, 4]}
      """,
      gives: """
        r.yml:8:5: error: 'slerp' needs a base model
        hint: name the model that the others were made from: 'base_model: PATH'
        """),
    BadRecipe(
      "base not among the sources",
      """
      merge_method: slerp
      base_model: base
      parameters: {t: 0.5}
      slices:
        - sources:
            - {model: a, layer_range: [0, 2]}
            - {model: b, layer_range: [0, 2]}
      """,
      gives: """
        r.yml:5:5: error: the base model 'base' is not among the sources of the slice
        hint: list it under 'sources' with its 'layer_range'
        """),
    BadRecipe(
      "base of a slice not among its sources",
      """
      merge_method: slerp
      base_model: a
      parameters: {t: 0.5}
      slices:
        - base_model: c
          sources:
            - {model: a, layer_range: [0, 2]}
            - {model: b, layer_range: [0, 2]}
      """,
      gives: """
        r.yml:5:5: error: the base model 'c' is not among the sources of the slice
        hint: list it under 'sources' with its 'layer_range'
        """),
    BadRecipe(
      "many faults in order",
      """
      merge_method: ties
      base_model: base
      modles: []
      models:
        - model: a@1
          parameters: {weight: x, densty: 1}
        - model: a
      dtype: bf16
      """,
      gives: """
        r.yml:3:1: error: unknown key 'modles'
        hint: did you mean 'models'?
        r.yml:5:12: error: a local folder has no revisions, found 'a@1'
        hint: remove the revision; for a path that holds '@' write 'model: {model: {path: PATH}}'
        r.yml:6:26: error: 'weight' must be a number, found 'x'
        r.yml:6:29: error: unknown parameter 'densty' for method 'ties'
        hint: did you mean 'density'?
        r.yml:7:5: error: 'ties' needs the parameter 'weight' for 'a'
        hint: set it in the 'parameters' of this model, or in the top-level 'parameters' for all models
        r.yml:8:8: error: unknown dtype 'bf16'
        hint: did you mean 'bfloat16'?
        """),
  ]
}
