import SinterTensors

/// A module of a model, or one of its parameters, to whose weight an adapter adds scale · B · A.
public struct AdapterModule: Sendable, Hashable {
  /// What the weight is, which decides how it lies in memory.
  public enum Kind: Sendable, Hashable {
    /// A linear layer: out x in, or in x out in models that store it so.
    case linear
    /// A table of embeddings, entries x features: the update is the transpose of B · A, where A
    /// has a column for each entry.
    case embedding
    /// A convolution: out x in x kernel, where A has the kernel and B is 1 wide.
    case convolution
    /// A parameter of a module, such as the packed weights of all experts of a layer; its last two
    /// axes are in x out or out x in.
    case parameter(String)
    /// The weights of all experts of a layer as MLX stores them: experts x out x in, and so the
    /// factors.
    case switchLinear
  }

  /// What a magnitude is the norm of (DoRA).
  public enum MagnitudeAxis: Sendable, Hashable {
    /// Of the weights that lead to one output.
    case outputs
    /// Of the weights that come from one input; of one entry, in an embedding.
    case inputs
  }

  /// The name of the module without the adapter's prefix.
  public let name: String
  /// What the weight is.
  public let kind: Kind
  /// Who wrote the adapter.
  let format: AdapterConfiguration.Format
  /// How many pairs of factors of the same module stand around this one.
  let nesting: Int
  /// The factor next to the input, as stored.
  public let a: CheckpointTensor
  /// The factor next to the output, as stored.
  public let b: CheckpointTensor
  /// The rank, at least 1; of experts, the rank of each.
  public let rank: Int
  /// The number of experts; 1 unless the weight is that of several.
  public let experts: Int
  /// The numerator of the scale.
  public let alpha: Double
  /// The factor on B · A.
  public let scale: Double
  /// The norms that the updated weight is scaled to, or `nil`.
  public let magnitude: CheckpointTensor?
  /// What the magnitudes are norms of.
  public let magnitudeAxis: MagnitudeAxis
  /// What is added, times the scale, to the bias of the module; `nil` for nothing.
  public let bias: CheckpointTensor?

  /// The number of inputs of the module: of A's columns. Of an embedding its entries, of a
  /// convolution channels times kernel.
  public var inputs: Int {
    let shape = a.shape.dimensions
    switch (format, kind) {
    case (.mlx, .switchLinear): return shape[2]
    case (.mlx, _): return shape[0]
    case (.peft, _): return shape.dropFirst().reduce(1, *)
    }
  }

  /// The number of outputs of the module: of B's rows. Of an embedding its features.
  public var outputs: Int {
    format == .mlx ? b.shape.dimensions[1] : b.shape.dimensions[0]
  }

  /// The name of the model's tensor that is changed, without the adapter's prefix.
  public var target: String {
    switch kind {
    case .parameter(let parameter): name + "." + parameter
    default: name + ".weight"
    }
  }

  /// The parameter that has the factors when PEFT stores them; `nil` for a module that is targeted
  /// as a whole.
  var parameterName: String? {
    switch kind {
    case .parameter(let name): name
    case .switchLinear: "weight"
    case .linear, .embedding, .convolution: nil
    }
  }

  /// Whether the factors are stored as their transposes, as MLX has them but for experts.
  var isTurned: Bool { format == .mlx && kind != .switchLinear }

  /// Whether B holds a column of each expert, then the next of each, as PEFT stores it.
  var alternates: Bool {
    if case .parameter = kind { experts > 1 } else { false }
  }

  /// The name by which PEFT and reports know it: that of the module, or of its parameter.
  var label: String { parameterName.map { name + "." + $0 } ?? name }

  /// The stored tensors of the module.
  var tensors: [CheckpointTensor] { [a, b] + [magnitude, bias].compactMap(\.self) }
}

/// A tensor of an adapter that takes the place of the model's.
public struct AdapterReplacement: Sendable, Hashable {
  /// The name of the model's tensor, without the adapter's prefix.
  public let target: String
  /// The tensor as stored.
  public let tensor: CheckpointTensor
}

/// Rows of an embedding that take the place of the model's.
public struct AdapterTokenRows: Sendable, Hashable {
  /// The name of the embedding's module, without the adapter's prefix.
  public let module: String
  /// What the configuration calls the module; `nil` for the input embedding.
  let key: String?
  /// The rows of the model's table.
  public let rows: [Int]
  /// Their new values as stored: one row for each.
  public let tensor: CheckpointTensor

  /// The name of the model's tensor that is changed, without the adapter's prefix.
  public var target: String { module + ".weight" }
}
