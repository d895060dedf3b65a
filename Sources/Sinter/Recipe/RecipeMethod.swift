/// A method as one recipe uses it: with the recipe's formula, where it takes one.
struct RecipeMethod: Sendable {
  /// What the method says of itself; the parameters that the formula uses are among its own.
  let declaration: MethodDeclaration
  /// The formula, or `nil` when the method takes none or the recipe's is faulty.
  let formula: Formula?
  /// What is wrong with the formula and with the names that the recipe gives to models.
  let diagnostics: [Diagnostic]

  /// Reads the formula of a recipe.
  ///
  /// - Parameters:
  ///   - method: the method.
  ///   - recipe: the recipe, which may have a formula or not.
  ///   - isComplete: whether nothing had to be left out of the recipe; when `false`, what the
  ///     formula may name is not known.
  init(_ method: MethodDeclaration, in recipe: MergeRecipe, isComplete: Bool = true) {
    var reading = FormulaReading(method, recipe)
    if !method.takesFormula {
      reading.refuseFormula()
      (declaration, formula) = (method, nil)
    } else {
      formula = reading.formula(isComplete: isComplete)
      declaration = method.adding(parameters: formula?.parameters ?? reading.setParameters)
    }
    diagnostics = reading.diagnostics
  }
}

extension OutputSlice.Input {
  /// The name of the model in a formula: what `as` says, else the last part of its path if that can
  /// be a name; `nil` for a base without `as`, which is called `base`.
  var alias: String? {
    if let writtenAlias { return writtenAlias.value }
    guard !isBase else { return nil }
    let last = model.value.path.split(separator: "/").last.map(String.init) ?? ""
    return FormulaName.isFree(last) ? last : nil
  }
}

extension MethodDeclaration {
  /// The declaration with numbers that hold for the tensor.
  fileprivate func adding(parameters names: [String]) -> MethodDeclaration {
    let added = names.map { name in
      ParameterDeclaration(
        name, scope: .tensor, kind: .anyNumber, default: .required,
        meaning: "a number of the formula")
    }
    return MethodDeclaration(
      name: name, title: title, summary: summary, formula: formula, goodFor: goodFor, base: base,
      models: models, parameters: parameters + added, source: source, differences: differences,
      example: example, takesFormula: takesFormula)
  }
}

/// Holds the formula of a recipe against its models and parameters.
private struct FormulaReading {
  private let method: MethodDeclaration
  private let recipe: MergeRecipe
  private let slices: [OutputSlice]
  private(set) var diagnostics: [Diagnostic] = []

  init(_ method: MethodDeclaration, _ recipe: MergeRecipe) {
    self.method = method
    self.recipe = recipe
    slices = recipe.outputSlices(base: method.base)
  }

  private mutating func report(
    _ message: String, at position: SourcePosition, hint: String? = nil,
    severity: Diagnostic.Severity = .error
  ) {
    diagnostics.append(Diagnostic(severity, file: recipe.file, at: position, message, hint: hint))
  }

  /// The names under `parameters`, at any level, each once.
  var setParameters: [String] {
    let maps = slices.flatMap { slice in
      slice.parameters.levels + slice.inputs.map(\.ownParameters)
    }
    var seen = Set(method.parameters.map(\.name))
    return maps.flatMap(\.settings).map(\.name.value).filter { seen.insert($0).inserted }
  }

  /// Refuses what only formulas need.
  mutating func refuseFormula() {
    if let formula = recipe.formula {
      report(
        "'\(method.name)' takes no formula", at: formula.position,
        hint: "write 'merge_method: formula', or remove it")
    }
    for alias in slices.flatMap(\.inputs).compactMap(\.writtenAlias) {
      report(
        "'as' names a model for a formula, '\(method.name)' takes none", at: alias.position,
        hint: "remove it")
    }
  }

  mutating func formula(isComplete: Bool) -> Formula? {
    for slice in slices { checkNames(of: slice) }
    guard let text = recipe.formula else {
      if isComplete {
        report(
          "'\(method.name)' needs a formula", at: recipe.method.position,
          hint: "write for example 'formula: 0.5 * a + 0.5 * b'")
      }
      return nil
    }
    guard isComplete else { return nil }
    let inputs = slices.flatMap(\.inputs)
    var seen: Set<String> = []
    let names = FormulaNames(
      models: inputs.compactMap(\.alias).filter { seen.insert($0).inserted },
      hasBase: inputs.contains(where: \.isBase), parameters: setParameters)
    let reading = Formula.read(text, names: names, file: recipe.file)
    diagnostics += reading.diagnostics
    if let formula = reading.formula { checkUse(of: formula) }
    return reading.formula
  }

  /// Checks the names of the models of one slice.
  private mutating func checkNames(of slice: OutputSlice) {
    var first: Set<String> = []
    for input in slice.inputs {
      let position = input.writtenAlias?.position ?? input.model.position
      guard let name = input.alias else {
        if !input.isBase {
          report(
            "the formula has no name for '\(input.model.value)'", at: position,
            hint: "give it one: 'as: NAME', of letters, digits and '_'")
        }
        continue
      }
      if !FormulaName.isName(name) {
        report(
          "'\(name)' cannot be a name in a formula", at: position,
          hint: "a name has letters, digits and '_' and does not begin with a digit")
      } else if FormulaName.isReserved(name), !(input.isBase && name == FormulaName.base) {
        report(
          name == FormulaName.base
            ? "'base' is the name of the base model" : "'\(name)' is a word of formulas",
          at: position, hint: "take another name")
      } else if !first.insert(name).inserted {
        report(
          "two models have the name '\(name)'", at: position,
          hint: "give this one another: 'as: NAME'")
      }
    }
  }

  /// Checks that every slice has what the formula uses, and that it uses what the slices have.
  private mutating func checkUse(of formula: Formula) {
    for slice in slices {
      var present = Set(slice.inputs.compactMap(\.alias))
      if slice.base != nil { present.insert(FormulaName.base) }
      for name in formula.models where !present.contains(name) {
        report(
          "the formula uses '\(name)', which is none of the slice's sources", at: slice.position)
      }
      for input in slice.inputs where !input.isBase {
        guard let name = input.alias, !formula.models.contains(name) else { continue }
        report(
          "the formula does not use '\(name)'", at: input.position, severity: .warning)
      }
    }
  }
}
