/// The part of the threads and of the memory that the work on one module has.
struct ModuleShare: Sendable, Hashable {
  /// The threads that work on it.
  let threads: Int
  /// The memory in bytes.
  let memory: Int
  /// Whether it is all that there is.
  let isAll: Bool

  /// Makes sure that something fits.
  ///
  /// - Parameters:
  ///   - need: the memory that it takes, in bytes.
  ///   - fault: what is thrown when there is not so much.
  /// - Throws: ``OutgrownShare`` when the module has to wait until it is alone; the fault when it is.
  func require(_ need: Int, orThrow fault: @autoclosure () -> DiagnosticError) throws {
    guard need > memory else { return }
    throw isAll ? fault() : OutgrownShare(pairs: [])
  }
}

/// How modules share threads and memory.
struct ModuleShares: Sendable {
  /// The number of modules that are worked on at a time.
  let workers: Int
  /// What each of them has.
  let each: ModuleShare
  /// What a module has that is worked on alone.
  let all: ModuleShare

  /// Divides threads and memory.
  ///
  /// - Parameters:
  ///   - needs: the memory that each module takes at first, in bytes.
  ///   - threads: the largest number of threads.
  ///   - memory: the memory in bytes.
  init(needs: [Int], threads: Int, memory: Int) {
    let fitting = memory / max(needs.max() ?? 1, 1)
    workers = max(1, min(threads, fitting, needs.count))
    each = ModuleShare(
      threads: max(1, threads / workers), memory: memory / workers, isAll: workers == 1)
    all = ModuleShare(threads: threads, memory: memory, isAll: true)
  }
}

/// A module takes more memory than its share, which was not known before.
struct OutgrownShare: Error {
  /// The factors of its experts that were found nevertheless.
  let pairs: [ModuleFactors.Pair]
}
