/// The sum that weights are divided by when they are normalized.
enum WeightSum {
  /// Adds up weights.
  ///
  /// - Parameter weights: the weights.
  /// - Returns: the sum, which is not zero.
  /// - Throws: ``MethodFault`` when the sum is zero but for rounding, or not finite.
  static func divisor(of weights: [Double]) throws(MethodFault) -> Double {
    let sum = weights.reduce(0, +)
    // 0.1 + 0.2 - 0.3 is zero to whoever writes it, and 5.6e-17 in binary.
    let size = weights.reduce(0) { $0 + $1.magnitude }
    guard size.isFinite else { throw .infiniteWeightSum(weights) }
    guard sum.magnitude > Double(weights.count) * .ulpOfOne * size else {
      throw .zeroWeightSum(weights)
    }
    return sum
  }
}

extension MethodFault {
  /// Weights to be divided by their sum, which is zero.
  static func zeroWeightSum(_ weights: [Double]) -> MethodFault {
    let list = weights.map { ParameterValue.number($0).description }.joined(separator: ", ")
    return MethodFault(
      "the weights \(list) sum to zero and cannot be normalized",
      hint: "change a weight, or set 'normalize: false'")
  }

  /// Weights to be divided by their sum, which is beyond the largest number.
  static func infiniteWeightSum(_ weights: [Double]) -> MethodFault {
    let list = weights.map { ParameterValue.number($0).description }.joined(separator: ", ")
    return MethodFault("the sum of the weights \(list) is too large to divide by")
  }
}
