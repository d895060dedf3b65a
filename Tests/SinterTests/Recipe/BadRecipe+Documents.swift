import Sinter
import Testing

/// Faulty recipes with the exact text that a person gets.
extension BadRecipe {
  static let documents = [
    BadRecipe(
      "empty text",
      "",
      gives: """
        r.yml:1:1: error: the recipe is empty
        hint: the smallest recipe has 'merge_method' and 'models'
        """),
    BadRecipe(
      "only a comment",
      """
      # nothing here
      """,
      gives: """
        r.yml:1:1: error: the recipe is empty
        hint: the smallest recipe has 'merge_method' and 'models'
        """),
    BadRecipe(
      "explicit null",
      """
      ---
      ~
      """,
      gives: """
        r.yml:2:1: error: the recipe is empty
        hint: the smallest recipe has 'merge_method' and 'models'
        """),
    BadRecipe(
      "duplicate keys",
      """
      merge_method: linear
      merge_method: ties
      models:
        - model: a
          parameters:
            weight: 1
            'weight': 2
            weight: 3
      """,
      gives: """
        r.yml:2:1: error: duplicate key 'merge_method'
        hint: it was first given at 1:1: keep one of them
        r.yml:7:7: error: duplicate key 'weight'
        hint: it was first given at 6:7: keep one of them
        r.yml:8:7: error: duplicate key 'weight'
        hint: it was first given at 6:7: keep one of them
        """),
    BadRecipe(
      "syntax: bad indentation",
      """
      merge_method: linear
      models:
        - model: a
         parameters: {weight: 1}
      """,
      gives: """
        r.yml:4:4: error: not valid YAML: did not find expected '-' indicator, while parsing a block collection from line 3
        hint: check the indentation and brackets
        """),
    BadRecipe(
      "syntax: tab",
      """
      merge_method: linear
      models:
      \t- model: a
      """,
      gives: """
        r.yml:3:1: error: not valid YAML: found character that cannot start any token, while scanning for the next token
        hint: indent with spaces, YAML takes no tabs
        """),
    BadRecipe(
      "syntax: colon in text",
      """
      merge_method: linear: ties
      """,
      gives: """
        r.yml:1:21: error: not valid YAML: mapping values are not allowed in this context
        hint: check the indentation; a text that holds ': ' needs quotes
        """),
    BadRecipe(
      "syntax: unclosed quote",
      """
      merge_method: "linear
      models: []
      """,
      gives: """
        r.yml:2:11: error: not valid YAML: found unexpected end of stream, while scanning a quoted scalar from line 1
        hint: close the quotes
        """),
    BadRecipe(
      "syntax: unclosed bracket",
      """
      merge_method: linear
      models: [{model: a}
      """,
      gives: """
        r.yml:3:1: error: not valid YAML: did not find expected ',' or ']', while parsing a flow sequence from line 2
        hint: check the indentation and brackets
        """),
    BadRecipe(
      "syntax: undefined alias",
      """
      merge_method: linear
      models: *all
      """,
      gives: """
        r.yml:2:9: error: the alias refers to an anchor that is not defined before it
        hint: define it with '&NAME' before '*NAME'; a text that begins with '*' needs quotes
        """),
    BadRecipe(
      "syntax: at sign begins a text",
      """
      merge_method: linear
      models:
        - model: @a
      """,
      gives: """
        r.yml:3:12: error: not valid YAML: found character that cannot start any token, while scanning for the next token
        hint: put the text into quotes
        """),
    BadRecipe(
      "control character",
      """
      merge_method: lin\u{7}ear
      """,
      gives: """
        r.yml:1:18: error: the character U+0007 is not allowed in YAML
        hint: remove it
        """),
    BadRecipe(
      "two documents",
      """
      merge_method: linear
      models:
        - model: a
          parameters: {weight: 1}
      ---
      merge_method: ties
      """,
      gives: """
        r.yml:5:1: error: a second document begins here, a file holds one recipe
        hint: put each recipe into a file of its own
        """),
    BadRecipe(
      "key that is a list",
      """
      merge_method: linear
      ? [a, b]
      : 1
      models:
        - model: a
          parameters: {weight: 1}
      """,
      gives: """
        r.yml:2:3: error: a key must be plain text, found a list or a map
        """),
    BadRecipe(
      "tag",
      """
      merge_method: linear
      models:
        - model: !path a
          parameters: {weight: !!float "1"}
      """,
      gives: """
        r.yml:3:12: error: the tag '!path' is not supported
        hint: remove it
        """),
    BadRecipe(
      "merge key of text",
      """
      merge_method: linear
      models:
        - model: a
          parameters:
            <<: 5
            weight: 1
      """,
      gives: """
        r.yml:5:11: error: '<<' must be a map or a list of maps, found '5'
        hint: write '<<: *NAME' after '&NAME'
        """),
  ]
}
