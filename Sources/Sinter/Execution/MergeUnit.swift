import Safetensors
import SinterTensors

/// The steps of a merge that one survey covers: passes over all tiles until the survey is complete,
/// then the merge of every tile.
///
/// Marked `@unchecked Sendable` because its state is guarded by the scheduler's lock: all that
/// changes it runs under the lock, and what runs without it reads only `members` and `survey`,
/// which stays as it is while tickets of a pass are out.
final class MergeUnit<Method: MergeMethod>: WorkUnit, @unchecked Sendable {
  private let members: [Member]
  /// The survey as it stood when the pass began.
  private var survey: Method.Survey
  /// The survey as the tiles of the pass are added to it, in tile order.
  private var folded: Method.Survey
  /// Contributions of runs of tiles that wait for an earlier one.
  private var waiting: [Int: Method.Survey.Partial] = [:]
  private var added = 0
  private var isFirstPass = true
  private var cursor: StepCursor

  /// One tensor.
  struct Member: Sendable {
    let method: Method
    let planned: PlannedTensor
    let sources: [StoredTensor]
    let output: OutputFile
    let grid: TileGrid
  }

  init(_ members: [Member]) {
    self.members = members
    survey = Method.makeSurvey(members.map(\.method))
    folded = survey
    cursor = StepCursor(members.map(\.grid), step: survey.isComplete ? .merge : .survey)
    skipEmptyPasses()
  }

  var tensorCount: Int { members.count }

  var surveyStepsHeld: Int? { survey.isComplete ? nil : cursor.taken - added }

  var isFinished: Bool { survey.isComplete && cursor.isFinished }

  func take() -> WorkTicket? { cursor.take() }

  func complete(_ ticket: WorkTicket, _ result: StepResult) {
    if case .survey = ticket.step, let partial = result.partial as? Method.Survey.Partial {
      waiting[ticket.ordinal] = partial
      while let next = waiting.removeValue(forKey: added) {
        folded.add(next)
        added += 1
      }
    }
    cursor.complete()
    if case .survey = ticket.step, cursor.isFinished { finishPass() }
  }

  private func finishPass() {
    folded.finishPass()
    survey = folded
    added = 0
    isFirstPass = false
    cursor = StepCursor(members.map(\.grid), step: survey.isComplete ? .merge : .survey)
  }

  /// A unit without elements has no tiles whose completion could end a pass.
  private func skipEmptyPasses() {
    while cursor.stepCount == 0, !survey.isComplete {
      folded.finishPass()
      survey = folded
    }
  }

  func perform(_ ticket: WorkTicket, with buffers: inout WorkerBuffers) throws -> StepResult {
    try perform(ticket, &buffers.tiles, &buffers.bytes)
  }

  private func perform(
    _ ticket: WorkTicket, _ tiles: inout TileBuffers, _ bytes: inout ByteBuffer
  ) throws -> StepResult {
    let member = members[ticket.member]
    var result = StepResult()
    switch ticket.step {
    case .survey:
      var partial = survey.makePartial()
      for tile in ticket.tiles {
        let position = try prepare(ticket, tile, &tiles, &bytes, &result)
        member.method.survey(
          &tiles.inputs, scratch: &tiles.scratch, at: position, survey, into: &partial)
      }
      result.partial = partial
    case .merge, .copy:
      for tile in ticket.tiles {
        let position = try prepare(ticket, tile, &tiles, &bytes, &result)
        merge(member, &tiles.inputs, &tiles.scratch, at: position, into: &tiles.output)
        try member.write(tiles.output, position.elements, &bytes, &result)
      }
    }
    return result
  }

  private func merge(
    _ member: Member, _ inputs: inout Tile<Double>, _ scratch: inout Tile<Double>,
    at position: TilePosition, into output: inout Tile<Double>
  ) {
    output.resize(rows: 1, count: position.elements.count)
    var row = output.mutableRow(0)
    member.method.merge(&inputs, scratch: &scratch, at: position, survey, into: &row)
  }

  /// Reads a tile of all sources.
  private func prepare(
    _ ticket: WorkTicket, _ tile: Int, _ tiles: inout TileBuffers, _ bytes: inout ByteBuffer,
    _ result: inout StepResult
  ) throws -> TilePosition {
    let member = members[ticket.member]
    let elements = member.grid[tile]
    try member.read(elements, &tiles.inputs, &bytes)
    result.bytesRead += member.byteCount(of: elements.count)
    if isFirstPass { member.countNonFinite(in: tiles.inputs, &result) }
    tiles.scratch.resize(rows: member.method.scratchRows, count: elements.count)
    return TilePosition(group: ticket.member, tile: tile, elements: elements)
  }
}

extension MergeUnit.Member {
  /// Reads a range of elements of every source to the rows of a tile.
  fileprivate func read(
    _ elements: Range<Int>, _ tile: inout Tile<Double>, _ bytes: inout ByteBuffer
  ) throws {
    tile.resize(rows: sources.count, count: elements.count)
    for (index, source) in sources.enumerated() {
      var row = tile.mutableRow(index)
      do throws(SafetensorsError) {
        try source.read(elements, into: &row, bytes: &bytes)
      } catch {
        throw error.naming(source.tensor.name)
      }
    }
  }

  /// Rounds a tile to the output's element type and writes it to its place.
  fileprivate func write(
    _ tile: borrowing Tile<Double>, _ elements: Range<Int>, _ bytes: inout ByteBuffer,
    _ result: inout StepResult
  ) throws {
    let overflows = Conversion.narrow(tile[0], to: planned.dtype, into: &bytes)
    let width = planned.dtype.bitWidth / 8
    try output.write(
      bytes.elements(as: UInt8.self, count: elements.count * width),
      at: planned.bytes.lowerBound + elements.lowerBound * width)
    result.bytesWritten += elements.count * width
    if overflows > 0 {
      result.addNonFinite(
        NonFiniteCount(
          tensor: planned.name, inputs: sources.map { _ in 0 }, results: overflows,
          unrounded: Reduction.countNonFinite(tile[0])))
    }
  }

  /// The stored bytes of a number of elements of all sources.
  fileprivate func byteCount(of elements: Int) -> Int {
    sources.reduce(0) { $0 + elements * $1.dtype.bitWidth / 8 }
  }

  /// Counts NaN and infinities in the rows of a tile.
  fileprivate func countNonFinite(
    in tile: borrowing Tile<Double>, _ result: inout StepResult
  ) {
    for row in 0..<tile.rows {
      let count = Reduction.countNonFinite(tile[row])
      guard count > 0 else { continue }
      var inputs = [Int](repeating: 0, count: tile.rows)
      inputs[row] = count
      result.addNonFinite(NonFiniteCount(tensor: planned.name, inputs: inputs, results: 0))
    }
  }
}
