/// What is done about a tensor that some inputs have and others lack.
public enum MissingPolicy: String, Sendable, Hashable, CaseIterable {
  /// The merge is refused, with a list of such tensors.
  case error
  /// The output has what the base has: tensors that others lack are copied from the base, tensors
  /// that the base lacks are left out. Without a base the first model counts as base.
  case base
  /// The output has what any input has: such tensors are copied from the first input with them.
  case copy
}
