extension MethodFault {
  /// Weights to be divided by their sum, which is zero or nearly so.
  ///
  /// - Parameters:
  ///   - weights: the weights.
  ///   - hint: what to do beside changing one.
  /// - Returns: the fault.
  static func cancelling(_ weights: [Double], hint: String? = nil) -> MethodFault {
    let list = weights.map { ParameterValue.number($0).description }.joined(separator: ", ")
    return MethodFault(
      "the weights \(list) cancel, and cannot be divided by their sum",
      hint: "change a weight" + (hint.map { ", or \($0)" } ?? ""))
  }
}
