import Safetensors

/// How a plan is executed: with how many workers, in how much memory.
///
/// Neither changes a byte of the result.
public struct ExecutionOptions: Sendable, Hashable {
  /// The largest number of workers, at least 1.
  public var threads: Int
  /// The ceiling of working memory in bytes.
  public var memory: Int
  /// Whether an existing output is replaced.
  public var overwrites: Bool
  /// Whether values that are NaN or infinite are written, with a warning, and not refused.
  public var allowsNonFinite: Bool
  /// Whether the weights must be on the disk before the output takes its name.
  public var synchronizes: Bool

  /// Makes options.
  ///
  /// - Parameters:
  ///   - threads: the largest number of workers, at least 1.
  ///   - memory: the ceiling of working memory in bytes.
  ///   - overwrites: whether an existing output is replaced.
  ///   - allowsNonFinite: whether values that are NaN or infinite are written.
  ///   - synchronizes: whether the weights must be on the disk before the output takes its name.
  public init(
    threads: Int, memory: Int = 512 << 20, overwrites: Bool = false, allowsNonFinite: Bool = false,
    synchronizes: Bool = true
  ) {
    precondition(threads >= 1, "at least one thread does the work")
    self.threads = threads
    self.memory = memory
    self.overwrites = overwrites
    self.allowsNonFinite = allowsNonFinite
    self.synchronizes = synchronizes
  }
}

/// The workers and the memory that a plan takes under a ceiling.
public struct ExecutionBudget: Sendable, Hashable {
  /// The number of workers.
  public let workers: Int
  /// The memory of the merge in bytes, the program itself included.
  public let memory: Int

  /// The bytes of it that are for what surveys hold.
  let heldByteCount: Int
  let sizes: WorkerSizes

  /// What a process needs before it holds a tile: code, runtime, headers.
  private static let fixedMemory = 24 << 20

  /// Divides the memory.
  ///
  /// - Parameters:
  ///   - plan: the plan to be executed.
  ///   - options: the ceiling and the largest number of workers.
  /// - Throws: ``DiagnosticError`` when not even one worker fits.
  public init(_ plan: MergePlan, options: ExecutionOptions) throws(DiagnosticError) {
    sizes = WorkerSizes(plan.tensors)
    // A tensor's plan takes some hundred bytes for each input: name, place and parameters.
    let fixed = Self.fixedMemory + plan.tensors.reduce(0) { $0 + 512 * ($1.sources.count + 1) }
    let (sizes, free) = (sizes, options.memory - fixed)
    func workers(surveys: Int) -> Int {
      let left = free - surveys * sizes.surveyHeldByteCount
      return left < 0 ? 0 : min(options.threads, left / max(sizes.total, 1))
    }
    guard workers(surveys: 1) >= 1 else {
      let need = fixed + sizes.total + sizes.surveyHeldByteCount
      throw DiagnosticError([
        Diagnostic(
          .error,
          "the merge needs \(ByteCountText(need)) of memory, more than the ceiling of "
            + "\(ByteCountText(options.memory))",
          hint: "raise --memory")
      ])
    }
    // With room for a second survey, workers begin it when the first has no step for them.
    let surveys = workers(surveys: 2) >= 2 ? 2 : 1
    self.workers = workers(surveys: surveys)
    heldByteCount = surveys * sizes.surveyHeldByteCount
    memory = fixed + heldByteCount + self.workers * sizes.total
  }
}
