import SinterTensors

/// Turns the nodes of a document into a recipe, and goes on after every fault.
struct RecipeReader {
  let file: String
  let text: String
  private(set) var diagnostics: [Diagnostic] = []
  /// Whether no model, slice or level of parameters had to be left out.
  private(set) var isComplete = true

  init(file: String, text: String) {
    self.file = file
    self.text = text
  }

  // MARK: Faults

  /// Notes a fault after which no other value seems to be missing.
  mutating func report(_ message: String, at position: SourcePosition, hint: String? = nil) {
    diagnostics.append(Diagnostic(file: file, at: position, message, hint: hint))
  }

  /// Notes a fault for which a model, a slice or a level of parameters is left out.
  mutating func lose(_ message: String, at position: SourcePosition, hint: String? = nil) {
    report(message, at: position, hint: hint)
    isComplete = false
  }

  mutating func lose(_ fault: RecipeFault, at position: SourcePosition) {
    lose(fault.message, at: fault.position ?? position, hint: fault.hint)
  }

  // MARK: The document

  private static let methodHint = "write for example 'merge_method: linear'"
  private static let bodyHint = "list the models to merge under 'models'"

  /// Keys that mergekit knows and that are refused here, with what to do instead.
  private static let refusedKeys: [String: (message: String, hint: String)] = [
    "tokenizer": ("'tokenizer' is not supported yet", tokenizerHint),
    "tokenizer_source": ("'tokenizer_source' is not supported yet", tokenizerHint),
    "chat_template": ("'chat_template' is not supported yet", tokenizerHint),
    "residual_weight": ("nobody reads 'residual_weight'", "remove it: it has no effect"),
  ]
  private static let tokenizerHint =
    "remove it: the base's tokenizer files are copied unchanged"

  mutating func recipe(from root: RecipeNode) -> MergeRecipe? {
    if root.isNull {
      lose(
        "the recipe is empty", at: root.position,
        hint: "the smallest recipe has 'merge_method' and 'models'")
      return nil
    }
    guard
      let fields = fields(
        of: root, "a map with 'merge_method' and 'models'",
        known: [
          "merge_method", "base_model", "models", "slices", "modules", "parameters", "formula",
          "dtype", "out_dtype",
        ], refused: ["tokenizer", "tokenizer_source", "chat_template"])
    else { return nil }
    let method = required("merge_method", in: fields, hint: Self.methodHint)
      .flatMap { word($0, name: "merge_method") }
    let baseModel = fields["base_model"].flatMap { modelReference($0, name: "base_model") }
    let body = body(of: fields)
    let parameters = parameters(fields)
    let dtype = fields["dtype"].flatMap { self.dtype($0, name: "dtype") }
    let outDtype = fields["out_dtype"].flatMap { self.dtype($0, name: "out_dtype") }
    let formula = fields["formula"].flatMap { self.formula($0) }
    guard let method, let body else { return nil }
    return MergeRecipe(
      file: file, text: text, method: method, body: body.value, bodyPosition: body.position,
      baseModel: baseModel, parameters: parameters, dtype: dtype, outDtype: outDtype,
      formula: formula)
  }

  private mutating func body(of fields: RecipeFields) -> Located<MergeRecipe.Body>? {
    guard let entry = chosenBody(of: fields, from: ["models", "slices", "modules"]) else {
      return nil
    }
    let body: MergeRecipe.Body?
    switch entry.key.value {
    case "models": body = models(entry.value).map { .models($0) }
    case "slices": body = slices(entry.value).map { .slices($0) }
    default: body = modules(entry.value).map { .modules($0) }
    }
    return body.map { Located($0, at: entry.key.position) }
  }

  /// The one of several keys that is not empty.
  private mutating func chosenBody(
    of fields: RecipeFields, from names: [String]
  ) -> RecipeNode.Entry? {
    let given = names.compactMap { fields.entry($0) }
      .sorted { $0.key.position < $1.key.position }
    let filled = given.filter { entry in
      switch entry.value.content {
      case .list(let list): !list.isEmpty
      case .map(let entries): !entries.isEmpty
      case .scalar: true
      }
    }
    let list = names.map { "'\($0)'" }.joined(separator: ", ")
    if let chosen = filled.first {
      for other in filled.dropFirst() {
        report(
          "'\(other.key.value)' cannot stand beside '\(chosen.key.value)'", at: other.key.position,
          hint: "keep one of \(list)")
      }
      return chosen
    }
    if let empty = given.first {
      lose("'\(empty.key.value)' is empty", at: empty.key.position, hint: Self.bodyHint)
    } else {
      lose("none of \(list) is given", at: fields.position, hint: Self.bodyHint)
    }
    return nil
  }

  // MARK: Bodies

  private mutating func models(_ node: RecipeNode) -> [ModelEntry]? {
    guard let nodes = list(node, "a list of maps with 'model'") else { return nil }
    var entries: [ModelEntry] = []
    for node in nodes {
      guard
        let fields = fields(
          of: node, "a map with 'model'", known: ["model", "as", "parameters"])
      else { continue }
      let parameters = parameters(fields)
      let alias = fields["as"].flatMap { word($0, name: "as") }
      guard let model = model(of: fields) else { continue }
      entries.append(
        ModelEntry(model: model, alias: alias, parameters: parameters, position: node.position))
    }
    refuseRepetition(of: entries.map(\.model))
    return entries.isEmpty ? nil : entries
  }

  private mutating func slices(_ node: RecipeNode) -> [SliceEntry]? {
    guard let nodes = list(node, "a list of maps with 'sources'") else { return nil }
    var entries: [SliceEntry] = []
    for node in nodes {
      guard
        let fields = fields(
          of: node, "a map with 'sources'", known: ["sources", "base_model", "parameters"],
          refused: ["residual_weight"])
      else { continue }
      let sources = required("sources", in: fields, hint: "list the layers to merge").flatMap {
        self.sources($0)
      }
      let baseModel = fields["base_model"].flatMap { modelReference($0, name: "base_model") }
      let parameters = parameters(fields)
      guard let sources else { continue }
      entries.append(
        SliceEntry(
          sources: sources, baseModel: baseModel, parameters: parameters, position: node.position))
    }
    return entries.isEmpty ? nil : entries
  }

  private mutating func sources(_ node: RecipeNode) -> [SliceSource]? {
    let wanted = "a list of maps with 'model' and 'layer_range'"
    guard let nodes = list(node, wanted) else { return nil }
    if nodes.isEmpty {
      lose("'sources' is empty", at: node.position, hint: "list the layers to merge")
    }
    var sources: [SliceSource] = []
    for node in nodes {
      guard
        let fields = fields(
          of: node, "a map with 'model' and 'layer_range'",
          known: ["model", "layer_range", "as", "parameters"])
      else { continue }
      let model = model(of: fields)
      let range = required(
        "layer_range", in: fields,
        hint: "write for example 'layer_range: [0, 16]' for the layers 0 to 15"
      ).flatMap { layerRange($0) }
      let parameters = parameters(fields)
      let alias = fields["as"].flatMap { word($0, name: "as") }
      guard let model, let range else { continue }
      sources.append(
        SliceSource(
          model: model, layerRange: range, alias: alias, parameters: parameters,
          position: node.position))
    }
    refuseRepetition(of: sources.map(\.model))
    refuseUnequalLengths(of: sources)
    return sources.isEmpty ? nil : sources
  }

  private mutating func modules(_ node: RecipeNode) -> [ModuleEntry]? {
    guard case .map(let entries) = node.content else {
      lose("expected a map of modules, found \(node.found)", at: node.position)
      return nil
    }
    var modules: [ModuleEntry] = []
    for entry in entries {
      guard
        let fields = fields(
          of: entry.value, "a map with 'models' or 'slices'",
          known: ["models", "slices", "parameters"])
      else { continue }
      let parameters = parameters(fields)
      guard let chosen = chosenBody(of: fields, from: ["models", "slices"]) else { continue }
      let body: ModuleEntry.Body? =
        chosen.key.value == "models"
        ? models(chosen.value).map { .models($0) } : slices(chosen.value).map { .slices($0) }
      guard let body else { continue }
      modules.append(
        ModuleEntry(
          name: entry.key, body: body, bodyPosition: chosen.key.position, parameters: parameters))
    }
    return modules.isEmpty ? nil : modules
  }

  private mutating func model(of fields: RecipeFields) -> Located<ModelReference>? {
    required("model", in: fields, hint: "write 'model: PATH'")
      .flatMap { modelReference($0, name: "model") }
  }

  private mutating func refuseRepetition(of models: [Located<ModelReference>]) {
    var first: [ModelReference: SourcePosition] = [:]
    for model in models {
      if let position = first[model.value] {
        report(
          "the model '\(model.value)' is listed twice", at: model.position,
          hint: "it was first listed at \(position): keep one entry and give it the whole weight")
      } else {
        first[model.value] = model.position
      }
    }
  }

  private mutating func refuseUnequalLengths(of sources: [SliceSource]) {
    guard let first = sources.first?.layerRange.value else { return }
    for source in sources.dropFirst() where source.layerRange.value.count != first.count {
      let range = source.layerRange.value
      report(
        "\(Self.words(for: range)) has \(range.count) layers, "
          + "\(Self.words(for: first)) of the slice's first source has \(first.count)",
        at: source.layerRange.position, hint: "all sources of a slice have the same length")
    }
  }

  private static func words(for range: Range<Int>) -> String {
    "layer_range [\(range.lowerBound), \(range.upperBound)]"
  }

  // MARK: Maps and lists

  /// The entries of a map; refuses the keys that are not known.
  mutating func fields(
    of node: RecipeNode, _ wanted: String, known: [String], refused: [String] = []
  ) -> RecipeFields? {
    guard case .map(let entries) = node.content else {
      var hint: String?
      if case .scalar(let scalar) = node.content, !scalar.isNull, known.contains("model") {
        hint = "write 'model: \(scalar.text)'"
      }
      lose("expected \(wanted), found \(node.found)", at: node.position, hint: hint)
      return nil
    }
    for entry in entries where !known.contains(entry.key.value) {
      let name = entry.key.value
      if refused.contains(name), let refusal = Self.refusedKeys[name] {
        if entry.value.isNull { continue }
        report(refusal.message, at: entry.key.position, hint: refusal.hint)
      } else {
        report(
          "unknown key '\(name)'", at: entry.key.position,
          hint: Suggestion.hint(for: name, in: known, others: "the keys here are"))
      }
    }
    return RecipeFields(entries: entries, position: node.position)
  }

  mutating func required(_ name: String, in fields: RecipeFields, hint: String) -> RecipeNode? {
    if let node = fields[name] { return node }
    lose("'\(name)' is missing", at: fields.position, hint: hint)
    return nil
  }

  mutating func list(_ node: RecipeNode, _ wanted: String) -> [RecipeNode]? {
    guard case .list(let nodes) = node.content else {
      lose("expected \(wanted), found \(node.found)", at: node.position)
      return nil
    }
    return nodes
  }
}

/// The entries of one map; `null` counts as absent.
struct RecipeFields {
  let entries: [RecipeNode.Entry]
  let position: SourcePosition

  func entry(_ name: String) -> RecipeNode.Entry? {
    entries.first { $0.key.value == name && !$0.value.isNull }
  }

  subscript(name: String) -> RecipeNode? { entry(name)?.value }
}
