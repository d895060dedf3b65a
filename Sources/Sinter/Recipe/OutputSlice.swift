/// A run of output layers with its inputs: what all forms of a recipe come down to.
///
/// A recipe of whole models is one slice for each module, as long as its models; the planner
/// fills in the length, which only checkpoints know.
public struct OutputSlice: Sendable, Hashable {
  /// One model of a slice.
  public struct Input: Sendable, Hashable {
    /// The model.
    public let model: Located<ModelReference>
    /// Whether the model is the base that the method subtracts or starts from.
    public let isBase: Bool
    /// The name in the recipe's formula, as it was written, or `nil`.
    public let writtenAlias: Located<String>?
    /// The layers, counted from 0, or `nil` for all layers of the model.
    public let layerRange: Located<Range<Int>>?
    /// The parameters that stand at this model; empty for a base that is not listed.
    public let ownParameters: ParameterMap
    /// All levels that hold for ``ParameterScope/input`` and ``ParameterScope/nonBase``.
    public let parameters: ParameterResolution
    /// Where the input is listed, or where the base is named.
    public let position: SourcePosition
  }

  /// The module that the slice belongs to, or `nil` in a recipe without `modules`.
  public let module: Located<String>?
  /// The inputs, in the order of the recipe; a base that is not listed comes last.
  public let inputs: [Input]
  /// The base model that is named for the slice, also when the method ignores it, or `nil`.
  public let baseModel: Located<ModelReference>?
  /// All levels that hold for ``ParameterScope/tensor``.
  public let parameters: ParameterResolution
  /// Whether the slice takes all layers of its models.
  public let isWhole: Bool
  /// Where the slice begins: its entry, or the name of the list of models.
  public let position: SourcePosition

  /// The inputs that are merged: all but the base.
  public var models: [Input] { inputs.filter { !$0.isBase } }
  /// The base, or `nil`.
  public var base: Input? { inputs.first(where: \.isBase) }
}

extension MergeRecipe {
  /// The runs of output layers of a recipe, in order.
  ///
  /// In a recipe of whole models, a base model that is not listed becomes the last input. In a
  /// recipe of slices nothing is added: its base has to be among the sources, since only there it
  /// has a range of layers.
  ///
  /// - Parameter policy: What the method does with a base; with
  ///   ``MethodDeclaration/BasePolicy/ignored`` the base is one more input like any other and no
  ///   input is marked as base.
  /// - Returns: The slices, module by module.
  public func outputSlices(base policy: MethodDeclaration.BasePolicy) -> [OutputSlice] {
    switch body {
    case .models(let entries):
      [whole(entries, at: bodyPosition, module: nil, base: policy)]
    case .slices(let entries):
      entries.map { slice($0, module: nil, base: policy) }
    case .modules(let modules):
      modules.flatMap { module in
        switch module.body {
        case .models(let entries):
          [whole(entries, at: module.bodyPosition, module: module, base: policy)]
        case .slices(let entries):
          entries.map { slice($0, module: module, base: policy) }
        }
      }
    }
  }

  private func whole(
    _ entries: [ModelEntry], at position: SourcePosition, module: ModuleEntry?,
    base policy: MethodDeclaration.BasePolicy
  ) -> OutputSlice {
    let levels = (module.map { [$0.parameters] } ?? []) + [parameters]
    var entries = entries
    if let baseModel, !entries.contains(where: { $0.model.value == baseModel.value }) {
      entries.append(ModelEntry(model: baseModel, position: baseModel.position))
    }
    let inputs = entries.map { entry in
      OutputSlice.Input(
        model: entry.model,
        isBase: policy != .ignored && entry.model.value == baseModel?.value,
        writtenAlias: entry.alias, layerRange: nil, ownParameters: entry.parameters,
        parameters: ParameterResolution([entry.parameters] + levels), position: entry.position)
    }
    return OutputSlice(
      module: module?.name, inputs: inputs, baseModel: baseModel,
      parameters: ParameterResolution(levels), isWhole: true, position: position)
  }

  private func slice(
    _ entry: SliceEntry, module: ModuleEntry?, base policy: MethodDeclaration.BasePolicy
  ) -> OutputSlice {
    let levels = [entry.parameters] + (module.map { [$0.parameters] } ?? []) + [parameters]
    let base = entry.baseModel ?? baseModel
    let inputs = entry.sources.map { source in
      OutputSlice.Input(
        model: source.model,
        isBase: policy != .ignored && source.model.value == base?.value,
        writtenAlias: source.alias, layerRange: source.layerRange,
        ownParameters: source.parameters,
        parameters: ParameterResolution([source.parameters] + levels),
        position: source.position)
    }
    return OutputSlice(
      module: module?.name, inputs: inputs, baseModel: base,
      parameters: ParameterResolution(levels), isWhole: false, position: entry.position)
  }
}

/// A mention of a model in a recipe.
public struct ModelMention: Sendable, Hashable {
  /// What a recipe names a model for.
  public enum Role: String, Sendable, Hashable {
    /// The value of a `base_model`.
    case base
    /// An entry of `models` or of `sources`.
    case input
  }

  /// What the model is named for.
  public let role: Role
  /// The model.
  public let model: Located<ModelReference>
}

extension MergeRecipe {
  /// Every mention of a model, in the order of the text; a model may be mentioned many times.
  public var modelMentions: [ModelMention] {
    var mentions = baseModel.map { [ModelMention(role: .base, model: $0)] } ?? []
    func add(_ entries: [ModelEntry]) {
      mentions += entries.map { ModelMention(role: .input, model: $0.model) }
    }
    func add(_ entries: [SliceEntry]) {
      for entry in entries {
        mentions += entry.baseModel.map { [ModelMention(role: .base, model: $0)] } ?? []
        mentions += entry.sources.map { ModelMention(role: .input, model: $0.model) }
      }
    }
    switch body {
    case .models(let entries): add(entries)
    case .slices(let entries): add(entries)
    case .modules(let modules):
      for module in modules {
        switch module.body {
        case .models(let entries): add(entries)
        case .slices(let entries): add(entries)
        }
      }
    }
    return mentions.sorted { $0.model.position < $1.model.position }
  }
}
