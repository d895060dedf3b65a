/// The `parameters:` of one level of a recipe, in the order in which they were written.
public struct ParameterMap: Sendable, Hashable {
  /// The settings, one for each name.
  public let settings: [ParameterSetting]

  /// Makes a map; of two settings of one name the first counts.
  public init(_ settings: [ParameterSetting] = []) {
    self.settings = settings
  }

  /// The setting of a parameter, or `nil`.
  public subscript(name: String) -> ParameterSetting? {
    settings.first { $0.name.value == name }
  }

  /// Whether no parameter is set.
  public var isEmpty: Bool { settings.isEmpty }
}

/// What one level of a recipe says of one parameter.
///
/// The four forms that recipes know are all lists of cases: a plain value or gradient is one case
/// without a filter.
/// ```yaml
/// weight: 0.5                          # a value
/// weight: [0, 0.5, 1]                  # a gradient over the layers
/// weight: {filter: mlp, value: 0.5}    # for some tensors
/// weight:                              # the first case that fits counts
///   - filter: self_attn
///     value: [0, 1]
///   - value: 0.5
/// ```
public struct ParameterSetting: Sendable, Hashable {
  /// The parameter's name.
  public let name: Located<String>
  /// The cases, of which the first that fits a tensor counts; empty only after a fault.
  public let cases: [ParameterCase]

  /// Makes a setting.
  public init(name: Located<String>, cases: [ParameterCase]) {
    self.name = name
    self.cases = cases
  }
}

/// A value or gradient and the tensors that it holds for.
public struct ParameterCase: Sendable, Hashable {
  /// A value, or values along the layers.
  public enum Value: Sendable, Hashable {
    /// One value for all layers.
    case scalar(Located<RecipeScalar>)
    /// Values at equal distances from the first to the last layer of a slice; may be empty.
    case gradient([Located<RecipeScalar>])

    /// All values that were written.
    public var scalars: [Located<RecipeScalar>] {
      switch self {
      case .scalar(let scalar): [scalar]
      case .gradient(let scalars): scalars
      }
    }
  }

  /// A part of the names of the tensors that the case holds for; `nil` or `*` means all.
  public let filter: Located<String>?
  /// The value or gradient.
  public let value: Value
  /// Where the case begins.
  public let position: SourcePosition

  /// Makes a case.
  public init(filter: Located<String>? = nil, value: Value, position: SourcePosition) {
    self.filter = filter
    self.value = value
    self.position = position
  }

  /// Whether the case holds for a tensor: its filter is absent, `*`, or part of the name.
  public func matches(_ tensor: String) -> Bool {
    guard let filter = filter?.value, filter != "*" else { return true }
    return filter.isEmpty || tensor.utf8.contains(filter.utf8)
  }

  /// Whether the case holds for every tensor, whatever its name.
  public var matchesAll: Bool {
    filter == nil || filter?.value == "*" || filter?.value.isEmpty == true
  }
}
