import Synchronization

/// Tells threads that do not belong to a task that the task was cancelled.
final class StopFlag: Sendable {
  private let isSet = Atomic<Bool>(false)

  /// Asks all threads to stop.
  func set() { isSet.store(true, ordering: .relaxed) }

  /// Ends what a thread does when it is to stop.
  ///
  /// - Throws: `CancellationError` when ``set()`` was called.
  func check() throws {
    if isSet.load(ordering: .relaxed) { throw CancellationError() }
  }
}
