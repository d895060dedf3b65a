#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What is done to one number, in Double; conditions are 1 and 0.
enum FormulaUnary: Sendable, Hashable {
  case negative, not, magnitude, sign, squareRoot
  case exponential, logarithm, sine, arccosine

  /// The result for one number.
  @inline(__always)
  func callAsFunction(_ x: Double) -> Double {
    switch self {
    case .negative: -x
    case .not: 1 - x
    case .magnitude: x.magnitude
    case .sign: (x > 0 ? 1 : 0) - (x < 0 ? 1 : 0)
    case .squareRoot: x.squareRoot()
    case .exponential: exp(x)
    case .logarithm: log(x)
    case .sine: sin(x)
    case .arccosine: acos(x)
    }
  }
}

/// What is made of two numbers, in Double; conditions are 1 and 0.
enum FormulaBinary: Sendable, Hashable {
  case add, subtract, multiply, divide, power
  case less, lessOrEqual, equal, unequal
  case and, or
  case minimum, maximum

  /// The result for two numbers; of two that are equal or cannot be compared, the first is both the
  /// smaller and the larger.
  @inline(__always)
  func callAsFunction(_ x: Double, _ y: Double) -> Double {
    switch self {
    case .add: x + y
    case .subtract: x - y
    case .multiply: x * y
    case .divide: x / y
    case .power: pow(x, y)
    case .less: x < y ? 1 : 0
    case .lessOrEqual: x <= y ? 1 : 0
    case .equal: x == y ? 1 : 0
    case .unequal: x != y ? 1 : 0
    case .and: x * y
    case .or, .maximum: y > x ? y : x
    case .minimum: y < x ? y : x
    }
  }

  /// Whether the result is a condition.
  var isCondition: Bool {
    switch self {
    case .less, .lessOrEqual, .equal, .unequal, .and, .or: true
    case .add, .subtract, .multiply, .divide, .power, .minimum, .maximum: false
    }
  }
}
