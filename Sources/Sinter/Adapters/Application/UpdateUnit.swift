import Safetensors
import SinterTensors

/// A copy of a tensor to which products of factors are added.
///
/// Such a tensor is a merge of one input, but no tile of consecutive elements has what makes sums
/// over the rank fast: several rows, which use the same stretch of the right factor. Here runs are
/// whole rows, and are worked on in blocks of rows and columns.
///
/// Marked `@unchecked Sendable` because its cursor is guarded by the scheduler's lock; the rest is
/// constant.
final class UpdateUnit: WorkUnit, @unchecked Sendable {
  private let planned: PlannedTensor
  private let source: UpdatedTensor
  private let output: OutputFile
  private let grid: BlockGrid
  private var cursor: StepCursor

  /// Makes a unit for a tensor that has a ``PlannedTensor/updateGrid``.
  ///
  /// - Parameters:
  ///   - planned: what is written.
  ///   - source: the model's tensor and its update.
  ///   - grid: how it is cut.
  ///   - output: where it is written.
  init(
    _ planned: PlannedTensor, from source: UpdatedTensor, _ grid: BlockGrid, to output: OutputFile
  ) {
    self.planned = planned
    self.source = source
    self.output = output
    self.grid = grid
    cursor = StepCursor(
      [.init(member: 0, tiles: 0..<grid.runCount, stepLength: Self.runsPerWrite)], step: .merge,
      loads: [0])
  }

  var tensorCount: Int { 1 }

  var surveyStepsHeld: Int? { nil }

  var isFinished: Bool { cursor.isFinished }

  func take() -> WorkTicket? { cursor.take() }

  func complete(_ ticket: WorkTicket, _ result: StepResult) {
    cursor.complete(ticket)
    if cursor.isFinished { source.unload() }
  }

  func perform(_ ticket: WorkTicket, with buffers: inout WorkerBuffers) throws -> StepResult {
    guard ticket.step != .load else {
      try source.load()
      return StepResult(bytesRead: source.base.tensor.loadByteCount)
    }
    return try perform(ticket, &buffers.tiles, &buffers.bytes, &buffers.output)
  }

  private func perform(
    _ ticket: WorkTicket, _ tiles: inout TileBuffers, _ bytes: inout ByteBuffer,
    _ written: inout ByteBuffer
  ) throws -> StepResult {
    let elements = grid.elements(
      of: grid.rows(of: ticket.tiles.lowerBound)
        .lowerBound..<grid.rows(of: ticket.tiles.upperBound - 1).upperBound)
    var result = StepResult()
    for run in ticket.tiles {
      try update(grid.rows(of: run), &tiles, &bytes, into: &written, of: elements, &result)
    }
    try write(written, elements, &result)
    return result
  }

  /// Updates the rows of a run, to their place in what is written.
  private func update(
    _ rows: Range<Int>, _ tiles: inout TileBuffers, _ bytes: inout ByteBuffer,
    into written: inout ByteBuffer, of elements: Range<Int>, _ result: inout StepResult
  ) throws {
    let run = grid.elements(of: rows)
    let update = source.loaded
    try read(run, &bytes, &result)
    var sums = ChangeTally.Sums()
    for block in grid.blocks(of: rows) {
      widen(block, from: bytes, run, into: &tiles.inputs)
      if update.products.count == 1, update.products[0].covers(block.rows) {
        add(update.products[0], block, on: tiles.inputs, to: &tiles.output)
      } else {
        widen(block, from: bytes, run, into: &tiles.output)
        for product in update.products { add(product, block, to: &tiles.output) }
      }
      sums.add(tiles.inputs[0], tiles.output[0])
      narrow(tiles.output[0], block, elements, into: &written, &result)
    }
    source.tally?.add(sums, from: run.lowerBound)
  }

  /// How many runs are written at once.
  private static var runsPerWrite: Int {
    TileGrid.standardWriteLength / TileGrid.standardRunLength
  }

  private func read(
    _ elements: Range<Int>, _ bytes: inout ByteBuffer, _ result: inout StepResult
  ) throws {
    let ahead = TileGrid.runsAhead * grid.largestRun
    if elements.lowerBound % ahead == 0, elements.count < grid.elementCount {
      source.prefetch(elements.lowerBound + ahead..<elements.lowerBound + 2 * ahead)
    }
    do throws(SafetensorsError) {
      try source.base.read(elements, into: &bytes, at: 0)
    } catch {
      throw error.naming(source.base.tensor.name)
    }
    result.bytesRead += source.base.byteCount(of: elements.count)
  }

  /// Widens a block of a run, row after row.
  private func widen(
    _ block: BlockGrid.Block, from bytes: borrowing ByteBuffer, _ run: Range<Int>,
    into tile: inout Tile<Double>
  ) {
    tile.resize(rows: 1, count: block.elementCount)
    var values = tile.mutableRow(0)
    var start = 0
    for index in 0..<grid.pieceCount(block) {
      let piece = grid.piece(index, of: block)
      Conversion.widen(
        bytes, at: source.base.byteCount(of: piece.lowerBound - run.lowerBound),
        from: source.dtype, count: piece.count, into: &values, startingAt: start)
      start += piece.count
    }
  }

  private func add(
    _ product: LoadedProduct, _ block: BlockGrid.Block, to tile: inout Tile<Double>
  ) {
    var values = tile.mutableRow(0)
    product.add(to: &values, block.rows, block.columns, Self.target(block))
  }

  private func add(
    _ product: LoadedProduct, _ block: BlockGrid.Block, on base: borrowing Tile<Double>,
    to tile: inout Tile<Double>
  ) {
    tile.resize(rows: 1, count: base.count)
    var values = tile.mutableRow(0)
    product.add(on: base[0], to: &values, block.rows, block.columns, Self.target(block))
  }

  private static func target(_ block: BlockGrid.Block) -> LowRankTarget {
    let width = block.columns.count
    return LowRankTarget(rows: block.rows.count, 0..<width, stride: width)
  }

  /// Rounds a block to the output's element type, at its places in what is written.
  private func narrow(
    _ values: Span<Double>, _ block: BlockGrid.Block, _ written: Range<Int>,
    into bytes: inout ByteBuffer, _ result: inout StepResult
  ) {
    let width = planned.dtype.bitWidth / 8
    var (start, overflows) = (0, 0)
    for index in 0..<grid.pieceCount(block) {
      let piece = grid.piece(index, of: block)
      overflows += Conversion.narrow(
        values.extracting(start..<start + piece.count), to: planned.dtype, into: &bytes,
        at: (piece.lowerBound - written.lowerBound) * width)
      start += piece.count
    }
    // What is not finite stays so when it is rounded.
    guard overflows > 0 else { return }
    let unrounded = Reduction.countNonFinite(values)
    result.addNonFinite(
      NonFiniteCount(
        tensor: planned.name, inputs: [unrounded], results: overflows, unrounded: unrounded))
  }

  private func write(
    _ bytes: borrowing ByteBuffer, _ elements: Range<Int>, _ result: inout StepResult
  ) throws {
    let width = planned.dtype.bitWidth / 8
    try output.write(
      bytes.elements(as: UInt8.self, count: elements.count * width),
      at: planned.bytes.lowerBound + elements.lowerBound * width)
    result.bytesWritten += elements.count * width
  }
}

extension PlannedTensor {
  /// How the tensor is worked on in blocks, when it is a copy to which products of factors are
  /// added; otherwise `nil`.
  ///
  /// Blocks and runs are not larger than the tiles and runs by which workers measure their memory.
  /// That leaves out tensors of a single tile, and those with very long rows.
  var updateGrid: BlockGrid? {
    guard case .copy = operation, let update = sources.first?.tensor.update,
      update.addsProductsOnly, shape.elementCount >= TileGrid.standardTileLength,
      update.columns <= TileGrid.standardRunLength
    else { return nil }
    return BlockGrid(rows: update.rows, columns: update.columns)
  }
}
