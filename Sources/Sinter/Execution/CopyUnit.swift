import Safetensors
import SinterTensors

/// The copy of one tensor's bytes.
///
/// Marked `@unchecked Sendable` because its cursor is guarded by the scheduler's lock; the rest is
/// constant.
final class CopyUnit: WorkUnit, @unchecked Sendable {
  private let planned: PlannedTensor
  private let source: StoredTensor
  private let output: OutputFile
  private var cursor: StepCursor

  init(_ planned: PlannedTensor, from source: StoredTensor, to output: OutputFile) {
    self.planned = planned
    self.source = source
    self.output = output
    let length = WorkerSizes.copyLength
    let pieces = (planned.bytes.count + length - 1) / length
    cursor = StepCursor([.init(member: 0, tiles: 0..<pieces, stepLength: 1)], step: .copy)
  }

  var tensorCount: Int { 1 }

  var surveyStepsHeld: Int? { nil }

  var isFinished: Bool { cursor.isFinished }

  func take() -> WorkTicket? { cursor.take() }

  func complete(_ ticket: WorkTicket, _ result: StepResult) { cursor.complete(ticket) }

  func perform(_ ticket: WorkTicket, with buffers: inout WorkerBuffers) throws -> StepResult {
    let start = ticket.tiles.lowerBound * WorkerSizes.copyLength
    let range = start..<min(start + WorkerSizes.copyLength, planned.bytes.count)
    do throws(SafetensorsError) {
      try source.readBytes(range, into: &buffers.bytes, at: 0)
    } catch {
      throw error.naming(source.tensor.name)
    }
    try output.write(
      buffers.bytes.elements(as: UInt8.self, count: range.count),
      at: planned.bytes.lowerBound + range.lowerBound)
    return StepResult(bytesRead: range.count, bytesWritten: range.count)
  }
}
