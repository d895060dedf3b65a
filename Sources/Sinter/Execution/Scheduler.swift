import Foundation

/// Hands the steps of units to workers.
///
/// Units are opened in order; a worker that finds no step in the open ones (the last tiles of a
/// survey pass are still out) opens the next, so no core waits while there is work. No more units
/// than there are workers are open at a time, and what their surveys hold and partial results that
/// wait for an earlier one are limited too, so that memory is bounded whatever the order in which
/// steps end.
///
/// Marked `@unchecked Sendable` because all state is guarded by `condition`.
final class Scheduler: @unchecked Sendable {
  private let condition = NSCondition()
  /// The units that are not open yet, the next one last, so that none is kept once it is done.
  private var units: [any WorkUnit]
  private var open: [any WorkUnit] = []
  private let workers: Int
  private let heldByteLimit: Int
  private var stepsOut = 0
  private var failure: (any Error)?
  private var nonFinite: [String: NonFiniteCount] = [:]
  private let stopsAtNonFinite: Bool
  private let progress: ProgressCounter

  /// How many results of survey steps may be in the making or waiting, for each worker.
  static let surveyStepsPerWorker = 3

  /// Makes a scheduler.
  ///
  /// - Parameters:
  ///   - units: the units, in the order in which they are opened.
  ///   - workers: the number of workers.
  ///   - heldByteLimit: the most bytes that surveys of open units hold, unless a single one does.
  ///   - stopsAtNonFinite: whether no unit is opened once a value that is not finite was found.
  ///   - progress: counts what is done.
  init(
    _ units: [any WorkUnit], workers: Int, heldByteLimit: Int, stopsAtNonFinite: Bool,
    progress: ProgressCounter
  ) {
    self.units = units.reversed()
    self.workers = workers
    self.heldByteLimit = heldByteLimit
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
      if let step = takeFromOpenUnits() {
        stepsOut += 1
        return step
      }
      if let unit = mayOpen ? units.popLast() : nil {
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

  private func takeFromOpenUnits() -> (any WorkUnit, WorkTicket)? {
    // Steps of a pass are handed out in order, so when results wait, the one that they wait for is
    // in the making: the limit never brings work to a stop.
    let held = open.reduce(0) { $0 + ($1.surveyStepsHeld ?? 0) }
    let maySurvey = held < Self.surveyStepsPerWorker * workers
    for unit in open where maySurvey || unit.surveyStepsHeld == nil {
      if let ticket = unit.take() { return (unit, ticket) }
    }
    return nil
  }

  /// Once a value that is not finite was found, tensors that were begun are finished, so that
  /// their counts are whole, and no others are begun.
  private var mayOpen: Bool {
    guard let next = units.last, nonFinite.isEmpty || !stopsAtNonFinite else { return false }
    if open.isEmpty { return true }
    let held = open.reduce(next.surveyHeldByteCount) { $0 + $1.surveyHeldByteCount }
    return open.count < workers && held <= heldByteLimit
  }

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
