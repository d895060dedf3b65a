public import SinterTensors

/// What there is to say of a checkpoint without reading its weights.
public struct CheckpointSummary: Sendable {
  /// The tensors of one element type.
  public struct DTypeUse: Sendable, Hashable {
    /// The element type.
    public let dtype: DType
    /// How many tensors have it.
    public let tensors: Int
    /// How many elements they have together.
    public let elements: Int
  }

  /// Layers that share a prefix, such as `model.layers.`.
  public struct Stack: Sendable, Hashable {
    /// What stands before the layer number, with its last dot.
    public let prefix: String
    /// The number of layers that the configuration states, or else of those that are stored.
    public let layers: Int
    /// The number of layers that are stored.
    public let storedLayers: Int
    /// The number of tensors in all its layers.
    public let tensors: Int
  }

  /// The name of the model class, `nil` when the configuration names none or several.
  public let architecture: String?
  /// The family of the model, such as `llama`, or `nil`.
  public let modelType: String?
  /// The element types, the one with the most elements first.
  public let dtypes: [DTypeUse]
  /// The stacks of layers, by prefix.
  public let stacks: [Stack]
  /// The tensors that belong to no layer, in file order.
  public let tensorsOutsideLayers: [CheckpointTensor]
  /// The names of the tensors that turn the last hidden state into logits.
  public let outputHead: [String]
  /// Whether the configuration says that the output head is the token embedding; `nil` when it
  /// does not say.
  public let tiesOutputHead: Bool?
  /// Warnings and notes.
  public let remarks: [Diagnostic]

  /// Sums up a checkpoint.
  ///
  /// - Parameter checkpoint: the checkpoint.
  public init(_ checkpoint: Checkpoint) {
    let structure = ModelStructure(checkpoint)
    architecture = checkpoint.configuration?.architecture
    modelType = checkpoint.configuration?.modelType
    dtypes = Self.dtypes(of: checkpoint)
    var counts: [String: Int] = [:]
    for layer in structure.addresses.lazy.compactMap(\.layer) {
      counts[layer.stack, default: 0] += 1
    }
    stacks = structure.stacks.values.sorted { $0.prefix < $1.prefix }.map { stack in
      Stack(
        prefix: stack.prefix, layers: stack.count, storedLayers: stack.storedCount,
        tensors: counts[stack.prefix] ?? 0)
    }
    let outside = zip(checkpoint.tensors, structure.addresses).filter { $0.1.layer == nil }
    tensorsOutsideLayers = outside.map(\.0)
    outputHead = tensorsOutsideLayers.map(\.name).filter { TensorRole($0) == .outputHead }
    tiesOutputHead = checkpoint.configuration?.tiesWordEmbeddings
    remarks = checkpoint.remarks
  }

  private static func dtypes(of checkpoint: Checkpoint) -> [DTypeUse] {
    var tensors: [DType: Int] = [:]
    var elements: [DType: Int] = [:]
    for tensor in checkpoint.tensors {
      tensors[tensor.dtype, default: 0] += 1
      elements[tensor.dtype, default: 0] += tensor.shape.elementCount
    }
    return elements.map {
      DTypeUse(dtype: $0.key, tensors: tensors[$0.key] ?? 0, elements: $0.value)
    }
    .sorted { ($1.elements, $0.dtype.rawValue) < ($0.elements, $1.dtype.rawValue) }
  }
}
