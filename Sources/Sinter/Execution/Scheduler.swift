import Foundation

/// Hands the steps of units to workers.
///
/// Units are opened in order; a worker that finds no step in the open ones (the last tiles of a
/// survey pass are still out) opens the next, so no core waits while there is work.
///
/// Marked `@unchecked Sendable` because all state is guarded by `condition`.
final class Scheduler: @unchecked Sendable {
  private let condition = NSCondition()
  private var units: ArraySlice<any WorkUnit>
  private var open: [any WorkUnit] = []
  private var stepsOut = 0
  private var failure: (any Error)?
  private var nonFinite: [String: NonFiniteCount] = [:]
  private let stopsAtNonFinite: Bool
  private let progress: ProgressCounter

  init(_ units: [any WorkUnit], stopsAtNonFinite: Bool, progress: ProgressCounter) {
    self.units = units[...]
    self.stopsAtNonFinite = stopsAtNonFinite
    self.progress = progress
  }

  /// Does steps until there are none left or the merge has failed.
  func work(with buffers: inout WorkerBuffers) {
    while let (unit, ticket) = next() {
      do {
        let result = try unit.perform(ticket, with: &buffers)
        complete(unit, ticket, result)
      } catch {
        fail(error)
        release()
      }
    }
  }

  /// Ends the merge with an error; the first one counts.
  func fail(_ error: any Error) {
    condition.withLock {
      if failure == nil { failure = error }
      condition.broadcast()
    }
  }

  /// The outcome once all workers have returned.
  ///
  /// - Returns: the values that are not finite, by tensor.
  /// - Throws: the error that ended the merge.
  func outcome() throws -> [NonFiniteCount] {
    try condition.withLock {
      if let failure { throw failure }
      return nonFinite.values.sorted { $0.tensor < $1.tensor }
    }
  }

  private func next() -> (any WorkUnit, WorkTicket)? {
    condition.lock()
    defer { condition.unlock() }
    while failure == nil {
      for unit in open {
        if let ticket = unit.take() {
          stepsOut += 1
          return (unit, ticket)
        }
      }
      if let unit = mayOpen ? units.popFirst() : nil {
        if unit.isFinished {
          progress.add(tensors: unit.tensorCount)
        } else {
          open.append(unit)
        }
      } else if stepsOut == 0 {
        return nil
      } else {
        condition.wait()
      }
    }
    return nil
  }

  /// Once a value that is not finite was found, tensors that were begun are finished, so that
  /// their counts are whole, and no others are begun.
  private var mayOpen: Bool { nonFinite.isEmpty || !stopsAtNonFinite }

  private func complete(_ unit: any WorkUnit, _ ticket: WorkTicket, _ result: StepResult) {
    condition.withLock {
      unit.complete(ticket, result)
      stepsOut -= 1
      if let count = result.nonFinite {
        if nonFinite[count.tensor] == nil {
          nonFinite[count.tensor] = count
        } else {
          nonFinite[count.tensor]?.add(count)
        }
      }
      if unit.isFinished {
        open.removeAll { $0 === unit }
        progress.add(tensors: unit.tensorCount)
      }
      condition.broadcast()
    }
    progress.add(bytesRead: result.bytesRead, bytesWritten: result.bytesWritten)
  }

  private func release() {
    condition.withLock {
      stepsOut -= 1
      condition.broadcast()
    }
  }
}
