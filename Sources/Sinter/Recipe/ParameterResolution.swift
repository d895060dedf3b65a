/// The levels of a recipe at which a parameter may be set, and the rule that picks one.
///
/// ```
/// model or source  >  slice  >  module  >  top  >  the method's default
/// ```
/// The first level that gives a value for a tensor wins; a level whose filters do not fit the
/// tensor, or that gives an empty list, gives none.
public struct ParameterResolution: Sendable, Hashable {
  /// The levels, the one that wins first.
  public let levels: [ParameterMap]

  /// Makes a resolution.
  public init(_ levels: [ParameterMap]) {
    self.levels = levels
  }

  /// The value of a parameter for one tensor.
  ///
  /// - Parameters:
  ///   - parameter: The parameter, as the method declares it.
  ///   - tensor: The name that filters are held against: the output tensor's for
  ///     ``ParameterScope/tensor``, else the input's own tensor name.
  ///   - fraction: The layer's place in its slice, 0...1, from ``LayerFraction``.
  /// - Returns: The value, or `nil` when there is none and the method does without.
  /// - Throws: `RecipeFault` when a value is invalid, or when a required parameter has none for
  ///   this tensor; the latter fault stands at the parameter, where it is written at all.
  public func value(
    of parameter: ParameterDeclaration, for tensor: String, at fraction: Double
  ) throws(RecipeFault) -> ParameterValue? {
    for level in levels {
      guard let setting = level[parameter.name] else { continue }
      let value = try setting.value(as: parameter.kind, for: tensor, at: fraction)
      if let value { return value }
    }
    switch parameter.default {
    case .value(let value): return value
    case .absent: return nil
    case .required:
      let written = levels.lazy.compactMap { $0[parameter.name] }.first
      throw RecipeFault(
        at: written?.name.position,
        "the required parameter '\(parameter.name)' has no value for tensor '\(tensor)'",
        hint: "end its list of filters with an entry that has only a 'value'")
    }
  }

  /// Whether some level sets a parameter, at least for tensors of some names.
  public func mayGiveValue(of name: String) -> Bool {
    levels.contains { $0[name]?.mayGiveValue == true }
  }
}
