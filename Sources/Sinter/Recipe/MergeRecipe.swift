public import SinterTensors

/// A merge as it was written: every value with its line and column, nothing filled in.
///
/// ```yaml
/// merge_method: ties
/// base_model: models/base
/// models:
///   - model: models/a
///     parameters: {weight: 0.5, density: 0.4}
///   - model: models/b
///     parameters: {weight: 0.5, density: 0.6}
/// dtype: bfloat16
/// ```
/// What the three forms of ``body-swift.property`` mean together is told by
/// ``outputSlices(base:)``.
public struct MergeRecipe: Sendable, Hashable {
  /// The three forms of a recipe.
  public enum Body: Sendable, Hashable {
    /// Whole models; never empty.
    case models([ModelEntry])
    /// Ranges of layers, in the order of the output; never empty.
    case slices([SliceEntry])
    /// One of the other forms for each module of an architecture of several; never empty.
    case modules([ModuleEntry])
  }

  /// The file as the user named it; `<stdin>` for a recipe from standard input.
  public let file: String
  /// The text of the file, unchanged.
  public let text: String
  /// The name of the method, not yet looked up.
  public let method: Located<String>
  /// The models and how they are laid out.
  public let body: Body
  /// Where the list or map of ``body-swift.property`` is named.
  public let bodyPosition: SourcePosition
  /// The base model, or `nil`.
  public let baseModel: Located<ModelReference>?
  /// The parameters of the lowest precedence.
  public let parameters: ParameterMap
  /// `dtype`: one of the four float types that recipes can name, or `nil`.
  public let dtype: Located<DType>?
  /// `out_dtype`: as ``dtype``, and wins over it for what is written.
  public let outDtype: Located<DType>?
  /// `formula`: what a method computes that takes a formula, or `nil`.
  public let formula: FormulaText?

  /// Makes a recipe from its parts.
  public init(
    file: String, text: String, method: Located<String>, body: Body,
    bodyPosition: SourcePosition, baseModel: Located<ModelReference>? = nil,
    parameters: ParameterMap = ParameterMap(), dtype: Located<DType>? = nil,
    outDtype: Located<DType>? = nil, formula: FormulaText? = nil
  ) {
    self.file = file
    self.text = text
    self.method = method
    self.body = body
    self.bodyPosition = bodyPosition
    self.baseModel = baseModel
    self.parameters = parameters
    self.dtype = dtype
    self.outDtype = outDtype
    self.formula = formula
  }
}

/// One entry of `models:`.
public struct ModelEntry: Sendable, Hashable {
  /// The model.
  public let model: Located<ModelReference>
  /// `as`: the model's name in the recipe's formula, or `nil`.
  public let alias: Located<String>?
  /// The parameters of this model alone.
  public let parameters: ParameterMap
  /// Where the entry begins.
  public let position: SourcePosition

  /// Makes an entry.
  public init(
    model: Located<ModelReference>, alias: Located<String>? = nil,
    parameters: ParameterMap = ParameterMap(), position: SourcePosition
  ) {
    self.model = model
    self.alias = alias
    self.parameters = parameters
    self.position = position
  }
}

/// One entry of `slices:`: a run of output layers.
public struct SliceEntry: Sendable, Hashable {
  /// The layers of models that are merged into the run; never empty, all of one length.
  public let sources: [SliceSource]
  /// The base model of this slice, which wins over that of the recipe, or `nil`.
  public let baseModel: Located<ModelReference>?
  /// The parameters of this slice.
  public let parameters: ParameterMap
  /// Where the entry begins.
  public let position: SourcePosition

  /// Makes an entry.
  public init(
    sources: [SliceSource], baseModel: Located<ModelReference>? = nil,
    parameters: ParameterMap = ParameterMap(), position: SourcePosition
  ) {
    self.sources = sources
    self.baseModel = baseModel
    self.parameters = parameters
    self.position = position
  }
}

/// Layers of one model in a slice.
public struct SliceSource: Sendable, Hashable {
  /// The model.
  public let model: Located<ModelReference>
  /// The layers, counted from 0, the end not included; never empty.
  public let layerRange: Located<Range<Int>>
  /// `as`: the model's name in the recipe's formula, or `nil`.
  public let alias: Located<String>?
  /// The parameters of this source alone.
  public let parameters: ParameterMap
  /// Where the source begins.
  public let position: SourcePosition

  /// Makes a source.
  public init(
    model: Located<ModelReference>, layerRange: Located<Range<Int>>,
    alias: Located<String>? = nil, parameters: ParameterMap = ParameterMap(),
    position: SourcePosition
  ) {
    self.model = model
    self.layerRange = layerRange
    self.alias = alias
    self.parameters = parameters
    self.position = position
  }
}

/// One entry of `modules:`.
public struct ModuleEntry: Sendable, Hashable {
  /// The two forms of a module.
  public enum Body: Sendable, Hashable {
    /// Whole models; never empty.
    case models([ModelEntry])
    /// Ranges of layers; never empty.
    case slices([SliceEntry])
  }

  /// The module's name in its architecture.
  public let name: Located<String>
  /// The models and how they are laid out.
  public let body: Body
  /// Where the list of ``body-swift.property`` is named.
  public let bodyPosition: SourcePosition
  /// The parameters of this module.
  public let parameters: ParameterMap

  /// Makes an entry.
  public init(
    name: Located<String>, body: Body, bodyPosition: SourcePosition,
    parameters: ParameterMap = ParameterMap()
  ) {
    self.name = name
    self.body = body
    self.bodyPosition = bodyPosition
    self.parameters = parameters
  }
}
