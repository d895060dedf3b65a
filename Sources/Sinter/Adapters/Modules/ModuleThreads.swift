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

  /// Does work that may turn out to take more memory than a module's share: then the module waits
  /// until the others are done, and goes on alone with all the memory.
  ///
  /// - Parameters:
  ///   - sizes: how much work each module is.
  ///   - shares: how the memory is shared.
  ///   - body: does the work of one module, given its place, what it has, and the factors that it
  ///     found before it had to wait.
  /// - Returns: the results, in the order of the sizes.
  /// - Throws: what ``results(_:_:)`` throws.
  func results<Value: Sendable>(
    _ sizes: [Int], sharing shares: ModuleShares,
    _ body: @escaping @Sendable (Int, ModuleShare, [ModuleFactors.Pair]) throws -> Value
  ) async throws -> [Value] {
    let first = try await results(sizes) { place -> Attempt<Value> in
      do {
        return .done(try body(place, shares.each, []))
      } catch let outgrown as OutgrownShare {
        return .waiting(outgrown.pairs)
      }
    }
    let waiting = first.indices.compactMap { place -> (place: Int, pairs: [ModuleFactors.Pair])? in
      if case .waiting(let pairs) = first[place] { (place, pairs) } else { nil }
    }
    let rest = try await ModuleThreads(count: 1, stop: stop).results(
      waiting.map { sizes[$0.place] }
    ) { try body(waiting[$0].place, shares.all, waiting[$0].pairs) }
    var next = rest.makeIterator()
    return first.compactMap { attempt in
      if case .done(let value) = attempt { value } else { next.next() }
    }
  }

  /// What came of a module.
  private enum Attempt<Value: Sendable>: Sendable {
    case done(Value)
    case waiting([ModuleFactors.Pair])
  }
}
