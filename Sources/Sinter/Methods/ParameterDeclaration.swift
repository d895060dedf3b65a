/// Who a parameter speaks of.
public enum ParameterScope: String, Sendable, Hashable {
  /// One value for each output tensor.
  ///
  /// Such a parameter is read at the top, module and slice level, never under a model.
  case tensor
  /// One value for each input, the base model included.
  case input
  /// One value for each input except the base model; a value given for the base is an error.
  case nonBase = "non-base"
}

/// The type and range of a parameter.
public enum ParameterKind: Sendable, Hashable {
  /// A finite number in a closed range; a range that ends in infinity has no bound there.
  case number(ClosedRange<Double>)
  /// A whole number in a closed range.
  case integer(ClosedRange<Int>)
  /// `true` or `false`.
  case boolean
  /// One of the given words.
  case choice([String])

  /// Any finite number.
  public static let anyNumber = ParameterKind.number(-Double.infinity...Double.infinity)
  /// A number from 0 to 1.
  public static let fraction = ParameterKind.number(0...1)
}

/// The value of a parameter for one tensor, after gradients and filters.
public enum ParameterValue: Sendable, Hashable, CustomStringConvertible {
  /// The value of a ``ParameterKind/number(_:)``.
  case number(Double)
  /// The value of an ``ParameterKind/integer(_:)``.
  case integer(Int)
  /// The value of a ``ParameterKind/boolean``.
  case boolean(Bool)
  /// The value of a ``ParameterKind/choice(_:)``.
  case choice(String)

  /// The value as a recipe writes it: the shortest text that gives the same number.
  public var description: String {
    switch self {
    case .number(let value):
      if value == value.rounded(.towardZero), value.magnitude < 1e15 {
        String(Int(value))
      } else {
        String(value)
      }
    case .integer(let value): String(value)
    case .boolean(let value): String(value)
    case .choice(let value): value
    }
  }
}

/// What a method says of one of its parameters.
///
/// The recipe checker, the `sinter methods` command and the documentation all read this.
public struct ParameterDeclaration: Sendable, Hashable {
  /// What holds when a recipe gives no value.
  public enum Default: Sendable, Hashable {
    /// The recipe must give a value.
    case required
    /// The method does without the parameter.
    case absent
    /// This value.
    case value(ParameterValue)
  }

  /// The name that recipes use.
  public let name: String
  /// Who the parameter speaks of.
  public let scope: ParameterScope
  /// Its type and range.
  public let kind: ParameterKind
  /// What holds when a recipe gives no value.
  public let `default`: Default
  /// One sentence: what the parameter does.
  public let meaning: String

  /// Declares a parameter.
  public init(
    _ name: String, scope: ParameterScope, kind: ParameterKind, default: Default, meaning: String
  ) {
    self.name = name
    self.scope = scope
    self.kind = kind
    self.default = `default`
    self.meaning = meaning
  }
}
