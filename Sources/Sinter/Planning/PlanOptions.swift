public import SinterTensors

/// What a plan depends on beside the recipe.
public struct PlanOptions: Sendable, Hashable {
  /// The element type of the output's floating-point tensors; wins over the recipe.
  public var dtype: DType?
  /// The largest number of bytes of tensor data in a weight file, at least 1.
  public var shardSize: Int
  /// The key of all that is random.
  public var seed: UInt64
  /// What is done about a tensor that some inputs lack.
  public var onMissing: MissingPolicy
  /// What is done when adapters change one use of a tensor that a model ties.
  public var ties: TiedPairPolicy

  /// Makes options.
  ///
  /// - Parameters:
  ///   - dtype: the element type of the output; `nil` leaves it to the recipe.
  ///   - shardSize: the largest number of bytes of tensor data in a weight file.
  ///   - seed: the key of all that is random.
  ///   - onMissing: what is done about a tensor that some inputs lack.
  ///   - ties: what is done when adapters change one use of a tensor that a model ties.
  public init(
    dtype: DType? = nil, shardSize: Int = 5_000_000_000, seed: UInt64 = 0,
    onMissing: MissingPolicy = .error, ties: TiedPairPolicy = .refuse
  ) {
    precondition(shardSize >= 1, "a shard holds at least a byte")
    self.dtype = dtype
    self.shardSize = shardSize
    self.seed = seed
    self.onMissing = onMissing
    self.ties = ties
  }
}
