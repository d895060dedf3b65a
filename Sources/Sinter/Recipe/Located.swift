/// A value and the place in the recipe where it was written.
public struct Located<Value> {
  /// The value.
  public let value: Value
  /// Where it begins.
  public let position: SourcePosition

  /// Pairs a value with its place.
  public init(_ value: Value, at position: SourcePosition) {
    self.value = value
    self.position = position
  }
}

extension Located: Sendable where Value: Sendable {}
extension Located: Equatable where Value: Equatable {}
extension Located: Hashable where Value: Hashable {}
