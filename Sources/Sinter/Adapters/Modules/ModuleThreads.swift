import Foundation
import Synchronization

/// Does something for each of several modules, on threads that do not belong to a task.
struct ModuleThreads {
  /// The largest number of threads.
  let count: Int
  /// Tells them all to stop when the task is cancelled or one of them fails.
  let stop: StopFlag

  /// Does the work.
  ///
  /// - Parameters:
  ///   - sizes: how much work each module is; the largest come first, so that none is left alone
  ///     at the end.
  ///   - body: does the work of one module, given its place.
  /// - Returns: the results, in the order of the sizes.
  /// - Throws: what the first module that failed threw; `CancellationError` when the task was
  ///   cancelled.
  func results<Value: Sendable>(
    _ sizes: [Int], _ body: @escaping @Sendable (Int) throws -> Value
  ) async throws -> [Value] {
    let order = sizes.indices.sorted { (-sizes[$0], $0) < (-sizes[$1], $1) }
    let results = Mutex([Int: Result<Value, any Error>]())
    let (stop, count) = (stop, count)
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        Thread {
          ParallelBlocks.perform(order.count, threads: count) { block in
            let place = order[block]
            let result = Result { () throws -> Value in
              try stop.check()
              return try body(place)
            }
            // What comes after a failure is not wanted any more.
            if case .failure = result { stop.set() }
            results.withLock { $0[place] = result }
          }
          continuation.resume()
        }.start()
      }
    } onCancel: {
      stop.set()
    }
    let found = results.withLock { $0 }
    let failures = sizes.indices.compactMap { place -> (any Error)? in
      if case .failure(let error)? = found[place] { error } else { nil }
    }
    if let error = failures.first(where: { !($0 is CancellationError) }) ?? failures.first {
      throw error
    }
    return try sizes.indices.compactMap { try found[$0]?.get() }
  }
}
