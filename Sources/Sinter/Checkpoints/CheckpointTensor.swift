public import SinterTensors

/// A tensor as it lies in a file of a checkpoint.
public struct CheckpointTensor: Sendable, Hashable {
  /// The name.
  public let name: String
  /// The element type as stored.
  public let dtype: DType
  /// The shape.
  public let shape: Shape
  /// The place of the file among the checkpoint's weight files.
  public let file: Int
  /// Where the tensor lies, in bytes from the start of the file.
  public let bytes: Range<Int>
  /// What adapters do to its values when they are read, or `nil`.
  var update: TensorUpdate?

  /// Whether adapters change its values when they are read.
  public var isUpdated: Bool { update != nil }

  /// The size in bytes.
  public var byteCount: Int { bytes.count }
}
