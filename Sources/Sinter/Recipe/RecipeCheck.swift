/// Holds a recipe against what the methods declare. Needs no checkpoint.
public enum RecipeCheck {
  /// Finds the faults of a recipe that the method's declaration shows.
  ///
  /// They are: an unknown method; unknown parameters, parameters where nobody reads them, values
  /// of the wrong type or out of range; a missing base model; the wrong number of models; and
  /// required parameters that no level gives; what is wrong with a formula. Whether a list of filters leaves out a tensor is
  /// told by ``ParameterResolution/value(of:for:at:)`` once the tensors are known.
  ///
  /// - Parameters:
  ///   - recipe: The recipe.
  ///   - methods: All methods that there are.
  ///   - isComplete: ``DecodedRecipe/isComplete``; when `false`, nothing is reported as missing.
  /// - Returns: The faults, in the order of the text.
  public static func check(
    _ recipe: MergeRecipe, methods: [MethodDeclaration], isComplete: Bool = true
  ) -> [Diagnostic] {
    guard let method = methods.first(where: { $0.name == recipe.method.value }) else {
      let name = recipe.method.value
      let hint = Suggestion.hint(
        for: name, in: methods.map(\.name), others: "the methods are")
      return [
        Diagnostic(
          file: recipe.file, at: recipe.method.position, "unknown method '\(name)'", hint: hint)
      ]
    }
    let used = RecipeMethod(method, in: recipe, isComplete: isComplete)
    var check = MethodCheck(recipe: recipe, method: used.declaration)
    check.diagnostics = used.diagnostics
    check.checkSettings()
    if isComplete {
      check.checkBase()
      check.checkCounts()
      check.checkRequired()
    }
    return check.diagnostics.inReadingOrder
  }
}

extension MergeRecipe {
  /// Reads a recipe and checks it, so that all its faults are found at once.
  ///
  /// - Parameters:
  ///   - text: The text of the file.
  ///   - file: The file as the user named it; `-` is shown as `<stdin>`.
  ///   - methods: All methods that there are.
  /// - Returns: A recipe without faults.
  /// - Throws: `DiagnosticError` with every fault, in the order of the text.
  public static func read(
    text: String, file: String, methods: [MethodDeclaration]
  ) throws(DiagnosticError) -> MergeRecipe {
    let decoded = RecipeDecoder.decode(text: text, file: file)
    var diagnostics = decoded.diagnostics
    if let recipe = decoded.recipe {
      diagnostics += RecipeCheck.check(recipe, methods: methods, isComplete: decoded.isComplete)
      if !diagnostics.contains(where: { $0.severity == .error }) { return recipe }
    }
    throw DiagnosticError(diagnostics.inReadingOrder)
  }
}

/// The checks of one recipe against one method.
private struct MethodCheck {
  let recipe: MergeRecipe
  let method: MethodDeclaration
  let slices: [OutputSlice]
  var diagnostics: [Diagnostic] = []

  init(recipe: MergeRecipe, method: MethodDeclaration) {
    self.recipe = recipe
    self.method = method
    slices = recipe.outputSlices(base: method.base)
  }

  private mutating func report(
    _ message: String, at position: SourcePosition, hint: String? = nil
  ) {
    diagnostics.append(Diagnostic(file: recipe.file, at: position, message, hint: hint))
  }

  // MARK: Settings

  mutating func checkSettings() {
    for slice in slices {
      for level in slice.parameters.levels {
        for setting in level.settings { _ = declaration(of: setting) }
      }
      for input in slice.inputs {
        for setting in input.ownParameters.settings { check(setting, of: input) }
      }
    }
  }

  /// Finds a parameter by name and checks the values it is given.
  private mutating func declaration(of setting: ParameterSetting) -> ParameterDeclaration? {
    let name = setting.name.value
    guard let parameter = method.parameters.first(where: { $0.name == name }) else {
      if method.takesFormula {
        report(
          "the formula does not use the parameter '\(name)'", at: setting.name.position,
          hint: "remove it, or write its name into the formula")
        return nil
      }
      let hint =
        method.parameters.isEmpty
        ? "'\(method.name)' has no parameters"
        : Suggestion.hint(
          for: name, in: method.parameters.map(\.name), others: "'\(method.name)' knows")
      report(
        "unknown parameter '\(name)' for method '\(method.name)'", at: setting.name.position,
        hint: hint)
      return nil
    }
    for scalar in setting.cases.flatMap(\.value.scalars) {
      do throws(RecipeFault) {
        _ = try scalar.value.value(as: parameter.kind, of: name, at: scalar.position)
      } catch {
        diagnostics.append(error.diagnostic(file: recipe.file))
      }
    }
    return parameter
  }

  private mutating func check(_ setting: ParameterSetting, of input: OutputSlice.Input) {
    guard let parameter = declaration(of: setting) else { return }
    let name = parameter.name
    switch parameter.scope {
    case .tensor:
      report(
        "'\(name)' is one value for all models, nobody reads it under a model",
        at: setting.name.position, hint: "move it to the top-level 'parameters'")
    case .nonBase where input.isBase:
      report(
        "'\(name)' is given to the base model, '\(method.name)' does not read it there",
        at: setting.name.position, hint: "remove it from '\(input.model.value)'")
    case .input, .nonBase:
      break
    }
  }

  // MARK: Base

  mutating func checkBase() {
    guard method.base != .ignored else { return }
    let without = slices.filter { $0.baseModel == nil }
    if method.base == .required, !without.isEmpty {
      let hint = "name the model that the others were made from: 'base_model: PATH'"
      if without.count == slices.count {
        report("'\(method.name)' needs a base model", at: recipe.method.position, hint: hint)
      } else {
        for slice in without {
          report("'\(method.name)' needs a base model", at: slice.position, hint: hint)
        }
      }
    }
    for slice in slices where slice.base == nil {
      guard let base = slice.baseModel else { continue }
      report(
        "the base model '\(base.value)' is not among the sources of the slice",
        at: slice.position, hint: "list it under 'sources' with its 'layer_range'")
    }
  }

  // MARK: Number of models

  mutating func checkCounts() {
    for slice in slicesWithKnownBase {
      let count = slice.models.count
      guard !method.models.contains(count) else { continue }
      let besides =
        switch method.base {
        case .required: " besides the base"
        case .optional: slice.base == nil ? "" : " besides the base"
        case .ignored: ""
        }
      report(
        "'\(method.name)' merges \(Self.words(for: method.models))\(besides), found \(count)",
        at: slice.position,
        hint: countHint(for: slice))
    }
  }

  private func countHint(for slice: OutputSlice) -> String? {
    if let base = slice.base, base.position != slice.baseModel?.position {
      return "the base model '\(base.model.value)' is not counted"
    }
    let isBaseAdded = slice.inputs.contains { $0.position == slice.baseModel?.position }
    return method.base == .ignored && isBaseAdded
      ? "the base model '\(slice.inputs[slice.inputs.count - 1].model.value)' is one of them" : nil
  }

  /// Without its base a slice seems to have a model too many: one fault is enough.
  private var slicesWithKnownBase: [OutputSlice] {
    slices.filter { slice in
      switch method.base {
      case .ignored: true
      case .optional: slice.base != nil || slice.baseModel == nil
      case .required: slice.base != nil
      }
    }
  }

  private static func words(for range: ClosedRange<Int>) -> String {
    let (low, high) = (range.lowerBound, range.upperBound)
    let noun = (high == .max ? low : high) == 1 ? "model" : "models"
    if low == high { return "exactly \(low) \(noun)" }
    if high == .max { return "at least \(low) \(noun)" }
    return low <= 1 ? "at most \(high) \(noun)" : "\(low) to \(high) \(noun)"
  }

  // MARK: Required parameters

  mutating func checkRequired() {
    for parameter in method.parameters where parameter.default == .required {
      switch parameter.scope {
      case .tensor:
        let without = slices.filter { !$0.parameters.mayGiveValue(of: parameter.name) }
        let isNowhere = without.count == slices.count
        for slice in without {
          report(
            "'\(method.name)' needs the parameter '\(parameter.name)'",
            at: isNowhere ? recipe.method.position : slice.position,
            hint: "set it in the top-level 'parameters'")
        }
      case .input, .nonBase:
        let inputs = slicesWithKnownBase.flatMap(\.inputs)
        for input in inputs where parameter.scope == .input || !input.isBase {
          guard !input.parameters.mayGiveValue(of: parameter.name) else { continue }
          report(
            "'\(method.name)' needs the parameter '\(parameter.name)' for '\(input.model.value)'",
            at: input.position,
            hint: "set it in the 'parameters' of this model, "
              + "or in the top-level 'parameters' for all models")
        }
      }
    }
  }
}
