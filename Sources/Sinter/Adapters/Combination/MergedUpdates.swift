import SinterTensors
import Synchronization

/// The merge of updates that are products of factors, computed tile by tile: nothing is held but the
/// factors.
///
/// The tiles are those in which the engine would merge tensors of the same shape, so surveys and
/// random numbers are the same too.
struct MergedUpdates<Method: MergeMethod>: RowStream {
  let rows: Int
  let columns: Int
  private let method: Method
  private let updates: [FactoredStack]
  private let grid: TileGrid
  private let survey: Method.Survey
  private let stop: StopFlag

  /// How many tiles contribute to a survey together; a fixed number, so that sums are the same for
  /// all threads.
  private static var tilesPerPartial: Int { 256 }
  /// How many tiles are merged at a time.
  private static var tilesPerPiece: Int { 16 }

  /// Prepares a merge: surveys the updates.
  ///
  /// - Parameters:
  ///   - method: the method; its first input is a base of zeros.
  ///   - updates: the other inputs, all of the same shape.
  ///   - threads: the largest number of threads; does not change the result.
  ///   - stop: tells whether to stop.
  /// - Throws: `CancellationError`.
  init(_ method: Method, _ updates: [FactoredStack], threads: Int, stop: StopFlag) throws {
    self.method = method
    self.updates = updates
    self.stop = stop
    rows = updates[0].rows
    columns = updates[0].columns
    grid = TileGrid(shape: updates[0].shape, grain: method.grain)
    survey = try Self.survey(method, updates, grid, threads: threads, stop: stop)
  }

  // MARK: Survey

  private static func survey(
    _ method: Method, _ updates: [FactoredStack], _ grid: TileGrid, threads: Int, stop: StopFlag
  ) throws -> Method.Survey {
    var survey = Method.makeSurvey([method])
    while !survey.isComplete {
      var folded = survey
      switch survey.coverage {
      case .sample:
        folded.add(sample(method, updates, grid, survey))
      case .everything, .tiles:
        let steps = steps(grid, survey.coverage)
        for first in stride(from: 0, to: steps.count, by: threads) {
          try stop.check()
          let wave = steps[first..<min(first + threads, steps.count)]
          for partial in partials(method, updates, grid, survey, Array(wave), threads: threads) {
            folded.add(partial)
          }
        }
      }
      folded.finishPass()
      survey = folded
    }
    return survey
  }

  /// The tiles that contribute together, of all that a pass looks at.
  private static func steps(_ grid: TileGrid, _ coverage: PassCoverage) -> [Range<Int>] {
    let all = 0..<grid.count
    let stretches: [Range<Int>] =
      if case .tiles(let runs) = coverage { runs.map { $0.tiles.clamped(to: all) } } else { [all] }
    return stretches.flatMap { tiles in
      stride(from: tiles.lowerBound, to: tiles.upperBound, by: tilesPerPartial).map {
        $0..<min($0 + tilesPerPartial, tiles.upperBound)
      }
    }
  }

  private static func sample(
    _ method: Method, _ updates: [FactoredStack], _ grid: TileGrid, _ survey: Method.Survey
  ) -> Method.Survey.Partial {
    var partial = survey.makePartial()
    var room = Room(method, updates.count, capacity: grid.sample.reduce(1) { max($0, $1.count) })
    for elements in grid.sample {
      let position = TilePosition(
        group: 0, tile: elements.lowerBound / grid.tileLength, elements: elements)
      room.fill(updates, position)
      method.survey(&room.inputs, scratch: &room.scratch, at: position, survey, into: &partial)
    }
    return partial
  }

  private static func partials(
    _ method: Method, _ updates: [FactoredStack], _ grid: TileGrid, _ survey: Method.Survey,
    _ steps: [Range<Int>], threads: Int
  ) -> [Method.Survey.Partial] {
    let found = Mutex([Int: Method.Survey.Partial]())
    ParallelBlocks.perform(steps.count, threads: threads) { step in
      var partial = survey.makePartial()
      var room = Room(method, updates.count, capacity: grid.largestTile)
      for tile in steps[step] {
        let position = TilePosition(group: 0, tile: tile, elements: grid[tile])
        room.fill(updates, position)
        method.survey(&room.inputs, scratch: &room.scratch, at: position, survey, into: &partial)
      }
      found.withLock { $0[step] = partial }
    }
    let all = found.withLock { $0 }
    return (0..<steps.count).compactMap { all[$0] }
  }

  // MARK: Rows

  func forEachBlock(threads: Int, _ body: (Int, Matrix<Float>) -> Void) throws {
    try part(0..<rows).forEachBlock(threads: threads, body)
  }

  /// All of it.
  func matrix(threads: Int) throws -> Matrix<Float> { try block(0..<rows, threads: threads) }

  /// Some of its rows, such as those of an expert.
  func part(_ rows: Range<Int>) -> Part { Part(whole: self, range: rows) }

  /// Rows of a merge.
  struct Part: RowStream {
    fileprivate let whole: MergedUpdates
    fileprivate let range: Range<Int>

    var rows: Int { range.count }
    var columns: Int { whole.columns }

    func forEachBlock(threads: Int, _ body: (Int, Matrix<Float>) -> Void) throws {
      for start in stride(from: 0, to: rows, by: blockRows) {
        let first = range.lowerBound + start
        let block = first..<min(first + blockRows, range.upperBound)
        body(start, try whole.block(block, threads: threads))
      }
    }

    /// All of them.
    func matrix(threads: Int) throws -> Matrix<Float> { try whole.block(range, threads: threads) }
  }

  fileprivate func block(_ range: Range<Int>, threads: Int) throws -> Matrix<Float> {
    try stop.check()
    let wanted = range.lowerBound * columns..<range.upperBound * columns
    let firstTile = wanted.lowerBound / grid.tileLength
    let endTile = (wanted.upperBound + grid.tileLength - 1) / grid.tileLength
    let pieces = (endTile - firstTile + Self.tilesPerPiece - 1) / Self.tilesPerPiece
    let found = Mutex([Int: [Float]]())
    ParallelBlocks.perform(pieces, threads: threads) { piece in
      let first = firstTile + piece * Self.tilesPerPiece
      let numbers = merge(first..<min(first + Self.tilesPerPiece, endTile), wanted)
      found.withLock { $0[piece] = numbers }
    }
    let all = found.withLock { $0 }
    var elements: [Float] = []
    elements.reserveCapacity(wanted.count)
    for piece in 0..<pieces { elements += all[piece] ?? [] }
    return Matrix(rows: range.count, columns: columns, elements: elements)
  }

  /// The elements of some tiles that are wanted.
  private func merge(_ tiles: Range<Int>, _ wanted: Range<Int>) -> [Float] {
    var result: [Float] = []
    var room = Room(method, updates.count, capacity: grid.largestTile)
    var output = Tile<Double>(rows: 1, capacity: grid.largestTile)
    for tile in tiles {
      let position = TilePosition(group: 0, tile: tile, elements: grid[tile])
      room.fill(updates, position)
      output.resize(rows: 1, count: position.elements.count)
      var row = output.mutableRow(0)
      method.merge(&room.inputs, scratch: &room.scratch, at: position, survey, into: &row)
      let own = position.elements.clamped(to: wanted)
      let numbers = output[0]
      for i in own { result.append(Float(numbers[i - position.elements.lowerBound])) }
    }
    return result
  }

  /// The rows that one thread works in.
  private struct Room: ~Copyable {
    var inputs: Tile<Double>
    var scratch: Tile<Double>
    private let scratchRows: Int

    init(_ method: Method, _ updates: Int, capacity: Int) {
      inputs = Tile(rows: updates + 1, capacity: max(capacity, 1))
      scratchRows = method.scratchRows
      scratch = Tile(rows: max(scratchRows, 1), capacity: max(capacity, 1))
    }

    /// Fills the rows of the inputs: zeros for the base, then the updates.
    mutating func fill(_ updates: [FactoredStack], _ position: TilePosition) {
      let count = position.elements.count
      inputs.resize(rows: updates.count + 1, count: count)
      scratch.resize(rows: scratchRows, count: count)
      for index in 0...updates.count {
        var row = inputs.mutableRow(index)
        for i in 0..<count { row[i] = 0 }
        if index > 0 { updates[index - 1].add(to: &row, position.elements) }
      }
    }
  }
}
