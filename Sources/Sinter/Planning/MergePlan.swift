public import Safetensors
public import SinterTensors

/// What a recipe means for the checkpoints that it names: every tensor of the output, its sources,
/// method, parameters and place.
///
/// A plan is a pure function of the recipe and of the headers, configurations and file lists of
/// its inputs, and of whether adapters change anything. It can be printed, compared by its hash and executed; executing it discovers no
/// fault that the headers could have told.
public struct MergePlan: Sendable {
  /// The recipe as written.
  public let recipe: MergeRecipe
  /// What the method says of itself.
  public let method: MethodDeclaration
  /// The key of all that is random.
  public let seed: UInt64
  /// The models, each once, in the order in which the recipe first names them.
  public let inputs: [PlannedInput]
  /// The place of the input that gives names, configuration and side files.
  public let donor: Int
  /// The tensors of the output, in the order in which they lie in the shards.
  public let tensors: [PlannedTensor]
  /// The weight files of the output.
  public let shards: [PlannedShard]
  /// The text of the output's configuration, or `nil` when the donor has none.
  public let configuration: String?
  /// The files that are copied from the donor byte for byte.
  public let sideFiles: [SideFile]
  /// What becomes of every tensor of every input.
  public let ledger: Ledger
  /// What is worth knowing before the merge is run: warnings and notes.
  public let remarks: [Diagnostic]

  /// The bytes that are read from inputs when each tensor is read once, adapters included.
  public var bytesToRead: Int {
    tensors.reduce(0) { total, tensor in
      tensor.sources.reduce(total) {
        $0 + $1.tensor.readByteCount(of: tensor.shape.elementCount) + $1.tensor.loadByteCount
      }
    }
  }

  /// The bytes of the output's weight files.
  public var bytesToWrite: Int { shards.reduce(0) { $0 + $1.byteCount } }

  /// The bytes of the whole output folder; what is written about the merge is estimated.
  var outputByteCount: Int {
    bytesToWrite + sideFiles.reduce(0) { $0 + $1.byteCount } + 1024 * tensors.count + 65_536
  }

  /// The index of the weight files.
  func shardIndex() throws(SafetensorsError) -> ShardIndex {
    try ShardIndex(
      entries: tensors.map { .init(tensor: $0.name, file: shards[$0.shard].fileName) },
      totalSize: tensors.reduce(0) { $0 + $1.bytes.count }, path: "model.safetensors.index.json")
  }
}

/// A model that takes part in a merge.
public struct PlannedInput: Sendable {
  /// The reference as the recipe writes it.
  public let reference: ModelReference
  /// The checkpoint that it resolved to.
  public let checkpoint: Checkpoint
  /// Whether it is a base model anywhere in the recipe.
  public let isBase: Bool

  /// The name that messages use: the reference as written, with the weights of adapters.
  public var name: String { reference.label }
}

/// A tensor of an input.
public struct PlannedSource: Sendable {
  /// The place of the input in the plan.
  public let input: Int
  /// The tensor as stored.
  public let tensor: CheckpointTensor
}

/// A tensor of the output.
public struct PlannedTensor: Sendable {
  /// How the values come about.
  public enum Operation: Sendable {
    /// By a method; the first source is the base when the group has one.
    case merge(any MergeMethod, MergeGroup)
    /// As the values of the first source; when there are several sources, they must be equal.
    case copy(Ledger.CopyReason)
  }

  /// The name in the output.
  public let name: String
  /// The shape.
  public let shape: Shape
  /// The element type in the output.
  public let dtype: DType
  /// How the values come about.
  public let operation: Operation
  /// What they are made from.
  public let sources: [PlannedSource]
  /// The place of the shard among the plan's shards.
  public let shard: Int
  /// Where the tensor lies in its shard's file, in bytes from the start of the file.
  public let bytes: Range<Int>
}

/// A weight file of the output.
public struct PlannedShard: Sendable {
  /// The name of the file in the output folder.
  public let fileName: String
  /// The header, with the place of every tensor.
  public let header: SafetensorsHeader
  /// The size of the file in bytes.
  public let byteCount: Int
}

/// A file that is copied from the donor as it is.
public struct SideFile: Sendable, Hashable {
  /// The name, the same in the donor's folder and in the output's.
  public let name: String
  /// The size in bytes.
  public let byteCount: Int
}
