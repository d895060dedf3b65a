/// A value of a recipe as the YAML parser saw it: text, a list or a map, each with its place.
struct RecipeNode {
  enum Content {
    case scalar(RecipeScalar)
    case list([RecipeNode])
    case map([Entry])
  }

  struct Entry {
    let key: Located<String>
    let value: RecipeNode
  }

  let content: Content
  let position: SourcePosition

  /// The value as messages name it after "found".
  var found: String {
    switch content {
    case .scalar(let scalar): scalar.quoted
    case .list: "a list"
    case .map: "a map"
    }
  }

  /// Whether the value is `null`, or nothing at all.
  var isNull: Bool {
    if case .scalar(let scalar) = content { scalar.isNull } else { false }
  }
}
