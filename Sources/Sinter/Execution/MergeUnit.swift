import Safetensors
import SinterTensors

/// The steps of a merge that one survey covers: passes over all tiles until the survey is complete,
/// then the merge of every tile.
///
/// Marked `@unchecked Sendable` because its state is guarded by the scheduler's lock: all that
/// changes it runs under the lock, and what runs without it reads only `members` and `survey`,
/// which stays as it is while tickets of a pass are out.
final class MergeUnit<Method: MergeMethod>: WorkUnit, @unchecked Sendable {
  let surveyHeldByteCount: Int
  private let members: [Member]
  /// The survey as it stood when the pass began.
  private var survey: Method.Survey
  /// The survey as the tiles of the pass are added to it, in tile order.
  private var folded: Method.Survey
  /// Contributions of runs of tiles that wait for an earlier one.
  private var waiting: [Int: Method.Survey.Partial] = [:]
  private var added = 0
  /// Whether no pass before this one has looked at every element.
  private var countsNonFinite = true
  private var cursor: StepCursor

  /// One tensor.
  struct Member: Sendable {
    let method: Method
    let planned: PlannedTensor
    let sources: [any TensorSource]
    let output: OutputFile
    let grid: TileGrid
    /// Where in the buffer the run of each source lies.
    let places: [Int]
    /// Whether a method is asked to work on rows as they are stored.
    private let offersStored: Bool

    init(
      method: Method, planned: PlannedTensor, sources: [any TensorSource], output: OutputFile,
      grid: TileGrid
    ) {
      self.method = method
      self.planned = planned
      self.sources = sources
      self.output = output
      self.grid = grid
      places = WorkerSizes.places(of: sources, grid)
      offersStored =
        planned.dtype == .bfloat16 && grid.tilesPerRun > 1
        && sources.allSatisfy { $0 is StoredTensor && $0.dtype == .bfloat16 }
    }
  }

  init(_ members: [Member]) {
    self.members = members
    surveyHeldByteCount = members.map(\.method.surveyHeldByteCount).max() ?? 0
    survey = Method.makeSurvey(members.map(\.method))
    folded = survey
    cursor = Self.cursor(members, survey, loads: Self.toLoad(members))
    skipEmptyPasses()
  }

  var tensorCount: Int { members.count }

  var surveyStepsHeld: Int? { survey.isComplete ? nil : cursor.taken - added }

  var isFinished: Bool { survey.isComplete && cursor.isFinished }

  func take() -> WorkTicket? { cursor.take() }

  func complete(_ ticket: WorkTicket, _ result: StepResult) {
    let isPass = ticket.step == .survey || ticket.step == .sample
    if isPass, let partial = result.partial as? Method.Survey.Partial {
      waiting[ticket.ordinal] = partial
      while let next = waiting.removeValue(forKey: added) {
        folded.add(next)
        added += 1
      }
    }
    cursor.complete(ticket)
    if ticket.step != .load, cursor.isFinished(ticket.member), !keepsLoaded {
      members[ticket.member].unload()
    }
    if isPass, cursor.isFinished { finishPass() }
  }

  /// Whether what was loaded is needed in the next pass. One tensor keeps it; of several, each gives
  /// it back in turn, so that no more is held than workers use.
  private var keepsLoaded: Bool { members.count == 1 && !survey.isComplete }

  /// The members that have something to load.
  private static func toLoad(_ members: [Member]) -> Set<Int> {
    Set(
      members.indices.filter { members[$0].sources.contains { $0.loadByteCount != nil } })
  }

  private func finishPass() {
    let loads = keepsLoaded ? [] : Self.toLoad(members)
    if survey.coverage == .everything { countsNonFinite = false }
    folded.finishPass()
    survey = folded
    added = 0
    cursor = Self.cursor(members, survey, loads: loads)
  }

  /// A unit without elements has no tiles whose completion could end a pass.
  private func skipEmptyPasses() {
    while cursor.stepCount == 0, !survey.isComplete {
      folded.finishPass()
      survey = folded
    }
  }

  private static func cursor(
    _ members: [Member], _ survey: Method.Survey, loads: Set<Int>
  ) -> StepCursor {
    let grids = members.map(\.grid)
    if survey.isComplete { return StepCursor(grids, step: .merge, loads: loads) }
    switch survey.coverage {
    case .everything:
      return StepCursor(grids, step: .survey, loads: loads)
    case .sample:
      // One step for each tensor: what is looked at is too little to share.
      return StepCursor(
        grids.enumerated().map { member, grid in
          .init(member: member, tiles: 0..<grid.count, stepLength: max(grid.count, 1))
        }, step: .sample, loads: loads)
    case .tiles(let runs):
      return StepCursor(
        runs.map { run in
          let grid = grids[run.group]
          return .init(
            member: run.group, tiles: run.tiles.clamped(to: 0..<grid.count),
            stepLength: StepCursor.surveyStepLength(grid))
        }, step: .survey, loads: loads)
    }
  }

  func perform(_ ticket: WorkTicket, with buffers: inout WorkerBuffers) throws -> StepResult {
    try perform(ticket, &buffers.tiles, &buffers.bytes, &buffers.output)
  }

  private func perform(
    _ ticket: WorkTicket, _ tiles: inout TileBuffers, _ bytes: inout ByteBuffer,
    _ output: inout ByteBuffer
  ) throws -> StepResult {
    let member = members[ticket.member]
    var result = StepResult()
    switch ticket.step {
    case .load:
      for source in member.sources {
        try source.load()
        result.bytesRead += source.loadByteCount ?? 0
      }
    case .survey:
      var partial = survey.makePartial()
      for run in member.grid.runs(of: ticket.tiles) {
        try survey(member, run, of: ticket.member, &tiles, &bytes, &partial, &result)
      }
      result.partial = partial
    case .sample:
      var partial = survey.makePartial()
      for elements in member.grid.sample {
        try member.read(elements, &bytes, &result)
        let position = TilePosition(
          group: ticket.member, tile: elements.lowerBound / member.grid.tileLength,
          elements: elements)
        try member.prepare(position, of: elements, &tiles, &bytes, false, &result)
        member.method.survey(
          &tiles.inputs, scratch: &tiles.scratch, at: position, survey, into: &partial)
      }
      result.partial = partial
    case .merge, .copy:
      let elements = member.grid[ticket.tiles]
      for run in member.grid.runs(of: ticket.tiles) {
        try merge(
          member, run, of: ticket.member, &tiles, &bytes, into: &output, of: elements, &result)
      }
      try member.write(output, elements, &result)
    }
    return result
  }

  /// Folds a run of tiles into a survey.
  private func survey(
    _ member: Member, _ run: Range<Int>, of group: Int, _ tiles: inout TileBuffers,
    _ bytes: inout ByteBuffer, _ partial: inout Method.Survey.Partial, _ result: inout StepResult
  ) throws {
    let elements = member.grid[run]
    // What some tiles are looked at for, all of them are counted for before or after.
    let countsNonFinite = countsNonFinite && survey.coverage == .everything
    try member.read(elements, &bytes, &result)
    for tile in run {
      let position = TilePosition(group: group, tile: tile, elements: member.grid[tile])
      // Nothing is to be counted where this is done: it says so of what is not finite.
      if let rows = member.stored(position.elements, of: elements, in: bytes),
        member.method.survey(rows, at: position, survey, into: &partial)
      {
        continue
      }
      try member.prepare(position, of: elements, &tiles, &bytes, countsNonFinite, &result)
      member.method.survey(
        &tiles.inputs, scratch: &tiles.scratch, at: position, survey, into: &partial)
    }
  }

  /// Merges a run of tiles, to its place in what is written.
  private func merge(
    _ member: Member, _ run: Range<Int>, of group: Int, _ tiles: inout TileBuffers,
    _ bytes: inout ByteBuffer, into output: inout ByteBuffer, of written: Range<Int>,
    _ result: inout StepResult
  ) throws {
    let elements = member.grid[run]
    try member.read(elements, &bytes, &result)
    if let rows = member.stored(elements, of: elements, in: bytes) {
      let position = TilePosition(group: group, tile: run.lowerBound, elements: elements)
      let start = elements.lowerBound - written.lowerBound
      var bits = output.mutableElements(as: UInt16.self, at: 0, count: written.count)
      if member.method.merge(rows, at: position, survey, into: &bits, from: start) { return }
    }
    for tile in run {
      let position = TilePosition(group: group, tile: tile, elements: member.grid[tile])
      try member.prepare(position, of: elements, &tiles, &bytes, countsNonFinite, &result)
      tiles.output.resize(rows: 1, count: position.elements.count)
      merge(member, at: position, &tiles.inputs, &tiles.scratch, into: &tiles.output)
      member.narrow(tiles.output, at: position.elements, of: written, into: &output, &result)
    }
  }

  private func merge(
    _ member: Member, at position: TilePosition, _ inputs: inout Tile<Double>,
    _ scratch: inout Tile<Double>, into output: inout Tile<Double>
  ) {
    var row = output.mutableRow(0)
    member.method.merge(&inputs, scratch: &scratch, at: position, survey, into: &row)
  }
}

extension MergeUnit.Member {
  /// Whether a run is a single tile. Then the sources share one place in the buffer and are read
  /// one after the other, since a tile that large would take much memory for each.
  private var readsTileByTile: Bool { grid.tilesPerRun == 1 }

  fileprivate func unload() {
    for source in sources { source.unload() }
  }

  /// Fetches a run of tiles of every source, unless each is fetched when its row is filled.
  fileprivate func read(
    _ elements: Range<Int>, _ bytes: inout ByteBuffer, _ result: inout StepResult
  ) throws {
    let ahead = TileGrid.runsAhead * grid.largestRun
    for (index, source) in sources.enumerated() {
      result.bytesRead += source.byteCount(of: elements.count)
      // Rarely and much at once: of what is in memory anyway the call costs, and gains nothing.
      if elements.lowerBound % ahead == 0, elements.count < grid.elementCount {
        source.prefetch(elements.lowerBound + ahead..<elements.lowerBound + 2 * ahead)
      }
      if !readsTileByTile { try read(index, elements, &bytes) }
    }
  }

  private func read(_ index: Int, _ elements: Range<Int>, _ bytes: inout ByteBuffer) throws {
    do throws(SafetensorsError) {
      try sources[index].read(elements, into: &bytes, at: places[index])
    } catch {
      throw error.naming(planned.sources[index].tensor.name)
    }
  }

  /// Some elements of a run that was fetched, as they are stored; `nil` where they are not all BF16
  /// and to become BF16.
  @_lifetime(borrow bytes)
  fileprivate func stored(
    _ elements: Range<Int>, of run: Range<Int>, in bytes: borrowing ByteBuffer
  ) -> StoredRows? {
    guard offersStored else { return nil }
    let width = MemoryLayout<UInt16>.stride
    // All runs are of one length, so the places are at equal distances.
    let stride = places.count > 1 ? places[1] / width : elements.count
    let span = bytes.elements(
      as: UInt16.self, at: (elements.lowerBound - run.lowerBound) * width,
      count: (places.count - 1) * stride + elements.count)
    return StoredRows(span, count: places.count, length: elements.count, stride: stride)
  }

  /// Fills the rows of a tile, and counts NaN and infinities when asked to.
  fileprivate func prepare(
    _ position: TilePosition, of run: Range<Int>, _ tiles: inout TileBuffers,
    _ bytes: inout ByteBuffer, _ countsNonFinite: Bool, _ result: inout StepResult
  ) throws {
    let elements = position.elements
    tiles.inputs.resize(rows: sources.count, count: elements.count)
    tiles.scratch.resize(rows: method.scratchRows, count: elements.count)
    for (index, source) in sources.enumerated() {
      if readsTileByTile { try read(index, elements, &bytes) }
      var row = tiles.inputs.mutableRow(index)
      let count = source.fill(elements, from: bytes, at: places[index], of: run, into: &row)
      guard countsNonFinite, count > 0 else { continue }
      var inputs = [Int](repeating: 0, count: sources.count)
      inputs[index] = count
      result.addNonFinite(NonFiniteCount(tensor: planned.name, inputs: inputs, results: 0))
    }
  }

  /// Rounds a tile to the output's element type, at its place in what is written.
  fileprivate func narrow(
    _ tile: borrowing Tile<Double>, at elements: Range<Int>, of written: Range<Int>,
    into bytes: inout ByteBuffer, _ result: inout StepResult
  ) {
    let width = planned.dtype.bitWidth / 8
    let overflows = Conversion.narrow(
      tile[0], to: planned.dtype, into: &bytes,
      at: (elements.lowerBound - written.lowerBound) * width)
    guard overflows > 0 else { return }
    result.addNonFinite(
      NonFiniteCount(
        tensor: planned.name, inputs: sources.map { _ in 0 }, results: overflows,
        unrounded: Reduction.countNonFinite(tile[0])))
  }

  /// Writes runs to their place.
  fileprivate func write(
    _ bytes: borrowing ByteBuffer, _ elements: Range<Int>, _ result: inout StepResult
  ) throws {
    let width = planned.dtype.bitWidth / 8
    try output.write(
      bytes.elements(as: UInt8.self, count: elements.count * width),
      at: planned.bytes.lowerBound + elements.lowerBound * width)
    result.bytesWritten += elements.count * width
  }
}
