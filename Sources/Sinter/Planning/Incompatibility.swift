import SinterTensors

/// A tensor in which the inputs do not fit together.
struct Incompatibility: Sendable {
  /// What does not fit.
  enum Kind: Sendable, Hashable {
    /// Some inputs do not have it.
    case missing
    /// The shapes differ.
    case shape
    /// The element types differ, and they are not floating point.
    case type
    /// No output tensor is made from it.
    case leftOver
  }

  /// The name of the tensor in the output.
  let tensor: String
  let kind: Kind
  /// The tensors of the inputs that have it.
  let present: [PlannedSource]
  /// The inputs that do not.
  let missing: [Int]
}
