import Dispatch
import Foundation
import Synchronization

/// Ends a task in an orderly way when the user presses Ctrl-C or the system asks the process to
/// end; the second time the process ends at once.
final class Interruption: Sendable {
  private static let signals = [SIGINT, SIGTERM]

  private let presses = Atomic<Int>(0)
  private let queue = DispatchQueue(label: "sinter.interruption")
  private let cancel: @Sendable () -> Void
  private let sources = Mutex<[any DispatchSourceSignal]>([])

  /// Makes a listener that does not listen yet.
  ///
  /// - Parameter cancel: ends the task; called once, on a thread of its own.
  init(_ cancel: @escaping @Sendable () -> Void) {
    self.cancel = cancel
  }

  /// Begins to listen; no signal is missed once it returns.
  func start() {
    let registration = DispatchGroup()
    sources.withLock { sources in
      for number in Self.signals {
        // Otherwise the signal ends the process on Darwin, source or not. It comes first, because on
        // Linux the source puts a handler of its own in this place when it is registered.
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
        source.setEventHandler { [self] in press() }
        registration.enter()
        source.setRegistrationHandler { registration.leave() }
        source.resume()
        sources.append(source)
      }
    }
    registration.wait()
  }

  /// Listens no more; signals end the process again.
  func stop() {
    sources.withLock { sources in
      for number in Self.signals { signal(number, SIG_DFL) }
      for source in sources { source.cancel() }
      sources = []
    }
  }

  private func press() {
    if presses.add(1, ordering: .relaxed).newValue == 1 {
      cancel()
    } else {
      _exit(ExitStatus.interrupted.rawValue)
    }
  }
}

extension Interruption {
  /// Does something that a signal cancels.
  ///
  /// It listens before the work begins, so that no signal leaves a part of an output.
  ///
  /// - Parameter body: the work.
  /// - Returns: what the work returns.
  /// - Throws: what the work throws, cancelled or not.
  static func cancelling<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let (presses, press) = AsyncStream<Void>.makeStream()
    let interruption = Interruption { press.yield() }
    interruption.start()
    defer { interruption.stop() }
    let work = Task { try await body() }
    let listening = Task { for await _ in presses { work.cancel() } }
    defer { listening.cancel() }
    return try await work.value
  }
}
