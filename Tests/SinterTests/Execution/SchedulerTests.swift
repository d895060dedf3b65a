import Foundation
import SinterTensors
import Synchronization
import Testing

@testable import Sinter

@Suite struct SchedulerTests {
  /// A unit whose steps do what a test says, in passes of which all but the last are surveys; its
  /// state is guarded by the scheduler.
  private final class FakeUnit: WorkUnit, @unchecked Sendable {
    let tensorCount = 1
    let number: Int
    let surveyHeldByteCount: Int
    private let steps: Int
    private let body: @Sendable (Int, WorkTicket) throws -> StepResult
    private var passesLeft: Int
    private var cursor: StepCursor
    private var done = Set<Int>()
    private var added = 0
    private let pass = Atomic<Int>(0)
    private(set) var completed: [Int] = []
    /// Whether a step was given out before those of the pass before were done.
    var isTorn: Bool { torn.load(ordering: .relaxed) }
    private let torn = Atomic<Bool>(false)

    init(
      _ number: Int, steps: Int, passes: Int = 1, held: Int = 0,
      body: @escaping @Sendable (Int, WorkTicket) throws -> StepResult = { _, _ in StepResult() }
    ) {
      self.number = number
      surveyHeldByteCount = held
      self.steps = steps
      passesLeft = passes
      cursor = StepCursor([.init(member: 0, tiles: 0..<steps, stepLength: 1)], step: .merge)
      self.body = body
    }

    var surveyStepsHeld: Int? { passesLeft > 1 ? cursor.taken - added : nil }
    var isFinished: Bool { passesLeft <= 1 && cursor.isFinished }
    var isOpen: Bool { cursor.taken + pass.load(ordering: .relaxed) > 0 && !isFinished }

    func take() -> WorkTicket? { cursor.take() }

    func perform(_ ticket: WorkTicket, with buffers: inout WorkerBuffers) throws -> StepResult {
      let begun = pass.load(ordering: .sequentiallyConsistent)
      let result = try body(number, ticket)
      if begun != pass.load(ordering: .sequentiallyConsistent) {
        torn.store(true, ordering: .relaxed)
      }
      return result
    }

    func complete(_ ticket: WorkTicket, _ result: StepResult) {
      completed.append(ticket.ordinal)
      done.insert(ticket.ordinal)
      while done.contains(added) { added += 1 }
      cursor.complete(ticket)
      if cursor.isFinished, passesLeft > 1 {
        passesLeft -= 1
        pass.add(1, ordering: .sequentiallyConsistent)
        cursor = StepCursor([.init(member: 0, tiles: 0..<steps, stepLength: 1)], step: .merge)
        done = []
        added = 0
      }
    }
  }

  /// Notes how many of some units are open whenever a step is given out.
  private final class OpenCount: @unchecked Sendable {
    var units: [FakeUnit] = []
    var most = 0
  }

  private final class CountedUnit: WorkUnit, @unchecked Sendable {
    private let unit: FakeUnit
    private let count: OpenCount

    init(_ unit: FakeUnit, _ count: OpenCount) {
      self.unit = unit
      self.count = count
    }

    var tensorCount: Int { 1 }
    var isFinished: Bool { unit.isFinished }
    var surveyStepsHeld: Int? { unit.surveyStepsHeld }
    var surveyHeldByteCount: Int { unit.surveyHeldByteCount }
    func take() -> WorkTicket? {
      let ticket = unit.take()
      count.most = max(count.most, count.units.count { $0.isOpen })
      return ticket
    }
    func perform(_ ticket: WorkTicket, with buffers: inout WorkerBuffers) throws -> StepResult {
      try unit.perform(ticket, with: &buffers)
    }
    func complete(_ ticket: WorkTicket, _ result: StepResult) { unit.complete(ticket, result) }
  }

  private struct Fault: Error, Equatable { let number: Int }

  @discardableResult
  private func run(
    _ units: [any WorkUnit], workers: Int, heldByteLimit: Int = 0, stopsAtNonFinite: Bool = true,
    progress: ProgressCounter = ProgressCounter()
  ) async throws -> [NonFiniteCount] {
    let scheduler = Scheduler(
      units, workers: workers, heldByteLimit: heldByteLimit, stopsAtNonFinite: stopsAtNonFinite,
      progress: progress)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<workers {
        group.addTask {
          await withCheckedContinuation { continuation in
            Thread {
              var buffers = WorkerBuffers(WorkerSizes([]))
              scheduler.work(with: &buffers)
              continuation.resume()
            }.start()
          }
        }
      }
    }
    return try scheduler.outcome()
  }

  @Test(arguments: [1, 2, 3, 8])
  func `every step of every pass is done once`(workers: Int) async throws {
    let units = (0..<60).map { number in
      FakeUnit(number, steps: number % 7 + 1, passes: number % 3 + 1) { number, ticket in
        if (number + ticket.ordinal) % 5 == 0 { Thread.sleep(forTimeInterval: 0.0002) }
        return StepResult(bytesRead: 3, bytesWritten: 2)
      }
    }
    let progress = ProgressCounter()
    try await run(units, workers: workers, progress: progress)
    for unit in units {
      #expect(unit.isFinished)
      let passes = unit.number % 3 + 1
      #expect(
        unit.completed.sorted()
          == (0..<unit.number % 7 + 1).flatMap { Array(repeating: $0, count: passes) })
      #expect(!unit.isTorn)
    }
    let steps = units.reduce(0) { $0 + $1.completed.count }
    #expect(progress.tensorsDone == 60)
    #expect(progress.bytesRead == 3 * steps)
    #expect(progress.bytesWritten == 2 * steps)
  }

  @Test func `units without steps are done at once`() async throws {
    let progress = ProgressCounter()
    try await run((0..<5).map { FakeUnit($0, steps: 0) }, workers: 2, progress: progress)
    #expect(progress.tensorsDone == 5)
    try await run([], workers: 3)
  }

  @Test func `no more units are open than there are workers`() async throws {
    let count = OpenCount()
    let units = (0..<50).map { number in
      FakeUnit(number, steps: 4, passes: 3) { _, ticket in
        // The first step of a unit takes longest, so that others are tempted to run ahead.
        if ticket.ordinal == 0 { Thread.sleep(forTimeInterval: 0.002) }
        return StepResult()
      }
    }
    count.units = units
    try await run(units.map { CountedUnit($0, count) }, workers: 3)
    #expect(units.allSatisfy { $0.isFinished })
    #expect(2...3 ~= count.most)
  }

  @Test(arguments: [(0, 1), (99, 1), (100, 2), (150, 3)])
  func `surveys of open units hold no more than their limit, but for a single one`(
    limit: Int, open: Int
  ) async throws {
    let count = OpenCount()
    let units = (0..<40).map { number in
      FakeUnit(number, steps: 4, passes: 2, held: 50) { _, ticket in
        if ticket.ordinal == 0 { Thread.sleep(forTimeInterval: 0.002) }
        return StepResult()
      }
    }
    count.units = units
    try await run(units.map { CountedUnit($0, count) }, workers: 4, heldByteLimit: limit)
    #expect(units.allSatisfy { $0.isFinished })
    #expect(1...open ~= count.most)
    if open > 1 { #expect(count.most > 1) }
  }

  @Test func `results of surveys that wait are limited`() async throws {
    // Everyone waits for the first step; the others must not run on for ever.
    let ahead = Atomic<Int>(0)
    let isFirstDone = Atomic<Bool>(false)
    let unit = FakeUnit(0, steps: 400, passes: 2) { _, ticket in
      if ticket.ordinal == 0, !isFirstDone.load(ordering: .sequentiallyConsistent) {
        Thread.sleep(forTimeInterval: 0.05)
        isFirstDone.store(true, ordering: .sequentiallyConsistent)
      } else if !isFirstDone.load(ordering: .sequentiallyConsistent) {
        ahead.add(1, ordering: .sequentiallyConsistent)
      }
      return StepResult()
    }
    try await run([unit], workers: 2)
    let count = ahead.load(ordering: .sequentiallyConsistent)
    #expect(count <= 2 * Scheduler.surveyStepsPerWorker)
    #expect(unit.completed.count == 800)
  }

  @Test(arguments: [1, 4])
  func `an error ends the work`(workers: Int) async throws {
    let done = Atomic<Int>(0)
    let units = (0..<100).map { number in
      FakeUnit(number, steps: 3, passes: 2) { number, _ in
        if number == 5 { throw Fault(number: number) }
        // Whoever is about to throw may be kept waiting; the others must not get far meanwhile.
        if number > 5 { Thread.sleep(forTimeInterval: 0.005) }
        done.add(1, ordering: .relaxed)
        return StepResult()
      }
    }
    await #expect(throws: Fault(number: 5)) { try await run(units, workers: workers) }
    let steps = done.load(ordering: .relaxed)
    #expect(steps < 100)
  }

  @Test func `the first error counts, one from outside too`() throws {
    let scheduler = Scheduler(
      [FakeUnit(0, steps: 1)], workers: 1, heldByteLimit: 0, stopsAtNonFinite: true,
      progress: ProgressCounter())
    scheduler.fail(CancellationError())
    scheduler.fail(Fault(number: 1))
    var buffers = WorkerBuffers(WorkerSizes([]))
    scheduler.work(with: &buffers)
    #expect(throws: CancellationError.self) { try scheduler.outcome() }
  }

  @Test func `after a value that is not finite no unit is begun, but open ones are finished`()
    async throws
  {
    let units = (0..<20).map { number in
      FakeUnit(number, steps: 6) { number, _ in
        var result = StepResult()
        if number == 2 {
          result.addNonFinite(NonFiniteCount(tensor: "t", inputs: [0, 2], results: 1))
        }
        return result
      }
    }
    let counts = try await run(units, workers: 1)
    #expect(counts.map(\.inputs) == [[0, 12]])
    #expect(counts.map(\.results) == [6])
    #expect(units.filter { !$0.completed.isEmpty }.count == 3)
    let again = (0..<4).map { number in
      FakeUnit(number, steps: 2) { number, _ in
        var result = StepResult()
        result.addNonFinite(NonFiniteCount(tensor: "t\(3 - number)", inputs: [1], results: 0))
        return result
      }
    }
    let all = try await run(again, workers: 2, stopsAtNonFinite: false)
    #expect(all.map(\.tensor) == ["t0", "t1", "t2", "t3"])
    #expect(all.map(\.inputs) == [[2], [2], [2], [2]])
  }
}
