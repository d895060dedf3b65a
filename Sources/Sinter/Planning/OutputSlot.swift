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
  /// What the tensor has to look like; `nil` in a recipe of whole models, where the candidates are
  /// compared with each other.
  let pattern: Pattern?

  /// The tensors of the model that gives the configuration which play the same part.
  ///
  /// A stack takes layers from models that are nowhere compared with each other, and one
  /// configuration describes them all: each of its tensors must have the shape of one of these.
  struct Pattern: Sendable {
    /// The model.
    let model: ModelReference
    /// The names of its tensors; empty when it has none that plays the part.
    let names: [String]
  }
}

/// The layers of which the output of one module consists.
struct StackedLayers: Sendable {
  /// Where the donor's configuration says how many there are, or `nil`.
  let key: [String]?
  /// For each layer of the output, the model of its first source and its number there.
  let layers: [(model: ModelReference, layer: Int)]
}
