extension DType {
  /// The type that the numbers of two types have in common, as PyTorch promotes floating dtypes.
  ///
  /// The wider type wins; two different types of the same width, which each have numbers that the
  /// other lacks, give F32. So BF16 and F16 give F32, F16 and F8_E4M3 give F16, and F8_E4M3 and
  /// F8_E5M2 give F32. PyTorch leaves the 8-bit types out of promotion; here they follow the rule.
  ///
  /// For more than two types use ``promoted(_:)``: pairwise promotion of F8_E4M3, F8_E5M2 and
  /// BF16 would depend on their order.
  ///
  /// - Parameters:
  ///   - first: a type for which ``isFloatingPoint`` holds.
  ///   - second: another, or the same.
  /// - Returns: the promoted type.
  public static func promoted(_ first: DType, _ second: DType) -> DType {
    precondition(
      first.isFloatingPoint && second.isFloatingPoint, "only types of real numbers are promoted")
    if first.bitWidth != second.bitWidth {
      return first.bitWidth > second.bitWidth ? first : second
    }
    return first == second ? first : .float32
  }

  /// The type that the numbers of several types have in common, whatever their order.
  ///
  /// The widest type wins; different types of that width give F32.
  ///
  /// - Parameter types: types for which ``isFloatingPoint`` holds.
  /// - Returns: the promoted type, or `nil` when there are no types.
  public static func promoted(_ types: some Sequence<DType>) -> DType? {
    let types = Array(types)
    let width = types.map(\.bitWidth).max()
    let widest = types.filter { $0.bitWidth == width }
    guard let first = widest.first else { return nil }
    precondition(types.allSatisfy(\.isFloatingPoint), "only types of real numbers are promoted")
    return widest.dropFirst().reduce(first) { promoted($0, $1) }
  }
}
