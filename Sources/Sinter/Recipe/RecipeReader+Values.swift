import SinterTensors

extension RecipeReader {
  // MARK: Words and numbers

  mutating func word(_ node: RecipeNode, name: String) -> Located<String>? {
    guard case .scalar(let scalar) = node.content, !scalar.isNull else {
      lose("'\(name)' must be text, found \(node.found)", at: node.position)
      return nil
    }
    return Located(scalar.text, at: node.position)
  }

  mutating func formula(_ node: RecipeNode) -> FormulaText? {
    word(node, name: "formula").map { FormulaText($0.value, in: text, at: $0.position) }
  }

  private static let dtypes: [(name: String, dtype: DType, otherNames: [String])] = [
    ("bfloat16", .bfloat16, ["bf16", "brain"]),
    ("float16", .float16, ["fp16", "f16", "half"]),
    ("float32", .float32, ["fp32", "f32", "float", "single"]),
    ("float64", .float64, ["fp64", "f64", "double"]),
  ]

  mutating func dtype(_ node: RecipeNode, name: String) -> Located<DType>? {
    guard let word = word(node, name: name) else { return nil }
    let prefix = "torch."
    let written = word.value
    let bare = written.hasPrefix(prefix) ? String(written.dropFirst(prefix.count)) : written
    if let known = Self.dtypes.first(where: { $0.name == bare }) {
      return Located(known.dtype, at: word.position)
    }
    let names = Self.dtypes.map(\.name)
    if ["int", "uint", "i8", "i16", "i32", "i64", "u8", "bool"].contains(where: bare.hasPrefix) {
      report(
        "'\(name)' is '\(written)', weights cannot be merged as integers", at: word.position,
        hint: "use one of \(names.joined(separator: ", "))")
    } else {
      let lower = bare.lowercased()
      let other = Self.dtypes.first { $0.otherNames.contains(lower) }?.name
      report(
        "unknown dtype '\(written)'", at: word.position,
        hint: other.map { "did you mean '\($0)'?" }
          ?? Suggestion.hint(for: bare, in: names, others: "the dtypes are"))
    }
    return nil
  }

  mutating func layerRange(_ node: RecipeNode) -> Located<Range<Int>>? {
    let form = "write [START, END]: layers count from 0, END is not included"
    guard case .list(let list) = node.content, list.count == 2 else {
      let found =
        if case .list(let list) = node.content { "a list of \(list.count)" } else { node.found }
      lose(
        "'layer_range' must be a list of two whole numbers, found \(found)", at: node.position,
        hint: form)
      return nil
    }
    var bounds: [Int] = []
    for element in list {
      guard case .scalar(let scalar) = element.content, let bound = scalar.integer, bound >= 0
      else {
        lose(
          "'layer_range' must hold whole numbers from 0 on, found \(element.found)",
          at: element.position, hint: form)
        continue
      }
      bounds.append(bound)
    }
    guard bounds.count == 2 else { return nil }
    let (start, end) = (bounds[0], bounds[1])
    if start >= end {
      let hint =
        start > end
        ? "write [\(end), \(start)]" : "END is not included: [\(start), \(start &+ 1)] is one layer"
      lose(
        "layer_range [\(start), \(end)] is \(start > end ? "reversed" : "empty")",
        at: node.position, hint: hint)
      return nil
    }
    return Located(start..<end, at: node.position)
  }

  // MARK: Models

  mutating func modelReference(_ node: RecipeNode, name: String) -> Located<ModelReference>? {
    let reference: ModelReference?
    switch node.content {
    case .scalar(let scalar):
      do throws(RecipeFault) {
        reference = try ModelReference(parsing: scalar.text)
      } catch {
        lose(error, at: node.position)
        reference = nil
      }
    case .map:
      reference = modelReference(ofMap: node)
    case .list:
      lose(
        "'\(name)' must be a path or a map with 'model', found a list", at: node.position)
      reference = nil
    }
    guard let reference else { return nil }
    refuseWhatIsNotBuilt(reference, at: node.position)
    return Located(reference, at: node.position)
  }

  private mutating func modelReference(ofMap node: RecipeNode) -> ModelReference? {
    let known = ["model", "lora", "adapters", "override_architecture"]
    guard
      let fields = fields(of: node, "a path or a map with 'model'", known: known),
      let model = required("model", in: fields, hint: "write 'model: PATH'"),
      let (path, revision) = pathAndRevision(model, name: "model")
    else { return nil }
    var adapters: [AdapterReference] = []
    if let lora = fields["lora"], let (path, revision) = pathAndRevision(lora, name: "lora") {
      adapters.append(AdapterReference(path: path, revision: revision))
    }
    if let node = fields["adapters"] {
      for node in list(node, "a list of maps with 'path'") ?? [] {
        adapter(node).map { adapters.append($0) }
      }
    }
    let override = fields["override_architecture"]
      .flatMap { word($0, name: "override_architecture") }
    return ModelReference(
      path: path, revision: revision, adapters: adapters, overrideArchitecture: override?.value)
  }

  private mutating func adapter(_ node: RecipeNode) -> AdapterReference? {
    guard
      let fields = fields(of: node, "a map with 'path'", known: ["path", "revision", "weight"]),
      let path = required("path", in: fields, hint: "write 'path: PATH'")
        .flatMap({ word($0, name: "path") })
    else { return nil }
    let revision = fields["revision"].flatMap { word($0, name: "revision") }
    var weight: Double?
    if let node = fields["weight"] {
      guard case .scalar(let scalar) = node.content, let number = scalar.number, number.isFinite
      else {
        lose("'weight' must be a finite number, found \(node.found)", at: node.position)
        return nil
      }
      weight = number
    }
    return AdapterReference(path: path.value, revision: revision?.value, weight: weight)
  }

  /// `PATH[@REVISION]`, where a `+` means itself, or a map whose `path` is taken literally.
  private mutating func pathAndRevision(
    _ node: RecipeNode, name: String
  ) -> (path: String, revision: String?)? {
    switch node.content {
    case .scalar(let scalar):
      do throws(RecipeFault) {
        return try ModelReference.pathAndRevision(scalar.text, of: scalar.text)
      } catch {
        lose(error, at: node.position)
        return nil
      }
    case .map:
      guard
        let fields = fields(of: node, "a map with 'path'", known: ["path", "revision"]),
        let path = required("path", in: fields, hint: "write 'path: PATH'")
          .flatMap({ word($0, name: "path") })
      else { return nil }
      return (path.value, fields["revision"].flatMap { word($0, name: "revision") }?.value)
    case .list:
      lose("'\(name)' must be a path or a map with 'path', found a list", at: node.position)
      return nil
    }
  }

  /// The one place that refuses references which the rest of the program cannot resolve.
  private mutating func refuseWhatIsNotBuilt(
    _ reference: ModelReference, at position: SourcePosition
  ) {
    if reference.revision != nil || reference.adapters.contains(where: { $0.revision != nil }) {
      report(
        "a local folder has no revisions, found '\(reference)'", at: position,
        hint: "remove the revision; for a path that holds '@' write "
          + "'model: {model: {path: PATH}}'")
    }
  }

  // MARK: Parameters

  /// The `parameters` of one level.
  mutating func parameters(_ fields: RecipeFields) -> ParameterMap {
    guard let node = fields["parameters"] else { return ParameterMap() }
    guard case .map(let entries) = node.content else {
      lose("expected a map of parameters, found \(node.found)", at: node.position)
      return ParameterMap()
    }
    return ParameterMap(
      entries.map { entry in
        ParameterSetting(name: entry.key, cases: cases(entry.value, name: entry.key.value))
      })
  }

  private mutating func cases(_ node: RecipeNode, name: String) -> [ParameterCase] {
    switch node.content {
    case .map:
      return conditionalCase(node, name: name).map { [$0] } ?? []
    case .list(let list) where list.contains(where: \.isMap):
      if let odd = list.first(where: { !$0.isMap }) {
        report(
          "'\(name)' mixes plain values with maps of 'filter' and 'value', found \(odd.found)",
          at: odd.position, hint: "write '- value: ...' for a value without a filter")
      }
      return list.filter(\.isMap).compactMap { conditionalCase($0, name: name) }
    default:
      return value(node, name: name).map { [ParameterCase(value: $0, position: node.position)] }
        ?? []
    }
  }

  private mutating func conditionalCase(_ node: RecipeNode, name: String) -> ParameterCase? {
    guard
      let fields = fields(of: node, "a map with 'value'", known: ["filter", "value"])
    else { return nil }
    let filter = fields["filter"].flatMap { word($0, name: "filter") }
    guard let entry = fields.entries.first(where: { $0.key.value == "value" }) else {
      report("'value' is missing", at: node.position, hint: "write '- value: ...' beside 'filter'")
      return nil
    }
    guard let value = value(entry.value, name: name) else { return nil }
    return ParameterCase(filter: filter, value: value, position: node.position)
  }

  private mutating func value(_ node: RecipeNode, name: String) -> ParameterCase.Value? {
    switch node.content {
    case .scalar:
      return scalar(node, name: name).map { .scalar($0) }
    case .list(let list):
      let scalars = list.compactMap { scalar($0, name: name) }
      return scalars.count == list.count ? .gradient(scalars) : nil
    case .map:
      report("'\(name)' must be a value or a list of values, found a map", at: node.position)
      return nil
    }
  }

  private mutating func scalar(_ node: RecipeNode, name: String) -> Located<RecipeScalar>? {
    guard case .scalar(let scalar) = node.content, !scalar.isNull else {
      report(
        "'\(name)' must be a value, found \(node.found)", at: node.position,
        hint: node.isNull ? "give it a value or remove it" : nil)
      return nil
    }
    return Located(scalar, at: node.position)
  }
}

extension RecipeNode {
  fileprivate var isMap: Bool {
    if case .map = content { true } else { false }
  }
}
