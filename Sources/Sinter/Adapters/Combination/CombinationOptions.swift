public import SinterTensors

/// How adapters are combined, beside what their recipe says.
public struct CombinationOptions: Sendable {
  /// The largest rank of a module, at least 1; `nil` for the sum of the ranks of its updates.
  public var rank: Int?
  /// The share of the square of each module's update that its factors are to keep, 0...1; `nil`
  /// for all that ``rank`` allows.
  public var energy: Double?
  /// The element type of the factors: F32, BF16 or F16; `nil` for what the recipe says, else F32.
  public var dtype: DType?
  /// The key of all that is random.
  public var seed: UInt64
  /// The largest number of threads, at least 1; does not change the result.
  public var threads: Int
  /// The ceiling of working memory in bytes.
  public var memory: Int
  /// Whether an existing output is replaced.
  public var overwrites: Bool

  /// Makes options.
  ///
  /// - Parameters:
  ///   - rank: the largest rank of a module, at least 1.
  ///   - energy: the share that factors are to keep, 0...1.
  ///   - dtype: the element type of the factors.
  ///   - seed: the key of all that is random.
  ///   - threads: the largest number of threads, at least 1.
  ///   - memory: the ceiling of working memory in bytes.
  ///   - overwrites: whether an existing output is replaced.
  public init(
    rank: Int? = nil, energy: Double? = nil, dtype: DType? = nil, seed: UInt64 = 0,
    threads: Int = 1, memory: Int = 512 << 20, overwrites: Bool = false
  ) {
    precondition(rank ?? 1 >= 1, "a rank is at least 1")
    precondition((0...1).contains(energy ?? 1), "an energy lies in 0...1")
    precondition(threads >= 1, "at least one thread does the work")
    self.rank = rank
    self.energy = energy
    self.dtype = dtype
    self.seed = seed
    self.threads = threads
    self.memory = memory
    self.overwrites = overwrites
  }
}
