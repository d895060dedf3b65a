/// A tensor of the output by name, with the tensors of the inputs that it may be made from.
struct OutputSlot: Sendable {
  /// A tensor that an input has, or ought to have.
  struct Candidate: Sendable {
    /// The place of the input in its slice.
    let sliceInput: Int
    /// The name of the tensor in that input.
    let name: String
  }

  /// The name in the output.
  let name: String
  /// The place of the slice whose inputs and parameters hold for it.
  let slice: Int
  /// How far down its stack the tensor lies, for gradients: 0...1.
  let fraction: Double
  /// One candidate for each input of the slice, in their order.
  let candidates: [Candidate]
  /// The part that the tensor plays, `nil` for a tensor of a layer.
  let role: TensorRole?
}

/// The layers of which the output of one module consists.
struct StackedLayers: Sendable {
  /// Where the donor's configuration says how many there are, or `nil`.
  let key: [String]?
  /// For each layer of the output, the model of its first source and its number there.
  let layers: [(model: ModelReference, layer: Int)]
}
