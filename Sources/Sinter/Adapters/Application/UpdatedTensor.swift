import Safetensors
import SinterTensors
import Synchronization

/// A tensor of a model with what adapters do to it, computed tile by tile.
///
/// The factors of the update are held from ``load()`` to ``unload()``: over all passes of a unit of
/// one tensor, and in a unit of several while one pass is at this one.
final class UpdatedTensor: TensorSource {
  let base: StoredTensor
  private let update: TensorUpdate
  /// Is told how much the values change, if anybody wants to know.
  let tally: ChangeTally?
  private let grid: TileGrid?
  private let state = Mutex(State())

  private struct State {
    var loaded: LoadedUpdate?
    /// Rows for values before they are changed, each in use by one worker at a time.
    var spareRows: [[Double]] = []
  }

  /// Makes a source.
  ///
  /// - Parameters:
  ///   - base: the model's tensor.
  ///   - update: what adapters do to it.
  ///   - meter: is told how much the values change, or `nil`.
  ///   - grid: the tiles of which the meter is told, once for each; what lies across them is a
  ///     sample of values that come again.
  init(
    _ base: StoredTensor, _ update: TensorUpdate, meter: ChangeMeter? = nil, grid: TileGrid? = nil
  ) {
    self.base = base
    self.update = update
    tally = meter?.tally(of: base.tensor)
    self.grid = grid
  }

  var dtype: DType { base.dtype }
  var shape: Shape { base.shape }

  var loadByteCount: Int? { base.tensor.loadByteCount }

  func load() throws(SafetensorsError) {
    let loaded = try LoadedUpdate(update, of: base)
    state.withLock { $0.loaded = loaded }
  }

  func unload() { state.withLock { $0 = State() } }

  /// The update, which was loaded.
  var loaded: LoadedUpdate {
    guard let loaded = state.withLock({ $0.loaded }) else {
      preconditionFailure("an update is loaded before it is applied")
    }
    return loaded
  }

  func prefetch(_ elements: Range<Int>) { base.prefetch(elements) }

  func byteCount(of elements: Int) -> Int { base.tensor.readByteCount(of: elements) }

  func read(
    _ elements: Range<Int>, into bytes: inout ByteBuffer, at offset: Int
  ) throws(SafetensorsError) {
    try base.read(elements, into: &bytes, at: offset)
    var place = offset + Self.padded(base.byteCount(of: elements.count))
    for replacement in loaded.replacements {
      do throws(SafetensorsError) {
        try replacement.source.read(elements, into: &bytes, at: place)
      } catch {
        throw error.naming(replacement.source.tensor.name)
      }
      place += Self.padded(replacement.source.byteCount(of: elements.count))
    }
  }

  @discardableResult
  func fill(
    _ elements: Range<Int>, from bytes: borrowing ByteBuffer, at offset: Int, of run: Range<Int>,
    into row: inout MutableSpan<Double>
  ) -> Int {
    let loaded = loaded
    base.fill(elements, from: bytes, at: offset, of: run, into: &row)
    let place = offset + Self.padded(base.byteCount(of: run.count))
    loaded.apply(to: &row, elements, bytes, at: place, of: run)
    if let tally, isTile(elements), !tally.isComplete {
      measure(row.span, elements, from: bytes, at: offset, of: run, tally)
    }
    return Reduction.countNonFinite(row.span)
  }

  /// Tells how much a tile was changed.
  private func measure(
    _ row: Span<Double>, _ elements: Range<Int>, from bytes: borrowing ByteBuffer, at offset: Int,
    of run: Range<Int>, _ tally: ChangeTally
  ) {
    var before = state.withLock { $0.spareRows.popLast() } ?? []
    // All tiles but the last have the same length.
    if before.count != row.count { before = [Double](repeating: 0, count: row.count) }
    var values = before.mutableSpan
    base.fill(elements, from: bytes, at: offset, of: run, into: &values)
    var part = ChangeTally.Sums()
    part.add(values.span, row)
    tally.add(part, from: elements.lowerBound)
    state.withLock { $0.spareRows.append(before) }
  }

  private func isTile(_ elements: Range<Int>) -> Bool {
    guard let grid, grid.tileLength > 0 else { return false }
    let tile = elements.lowerBound / grid.tileLength
    return tile < grid.count && grid[tile] == elements
  }

  private static func padded(_ byteCount: Int) -> Int { (byteCount + 63) / 64 * 64 }
}

extension CheckpointTensor {
  /// The bytes that are read of adapters, and of the tensor itself for norms, before its values are.
  var loadByteCount: Int { update?.loadByteCount(of: self) ?? 0 }

  /// The bytes that are read for a number of elements: the tensor's own, and those of tensors that
  /// adapters put in its place, each from a multiple of 64 on.
  func readByteCount(of elements: Int) -> Int {
    if let substitute = update?.substitute { return substitute.byteCount(of: elements) }
    let own = elements * dtype.bitWidth / 8
    let others = update?.parts.compactMap(\.replacement) ?? []
    guard !others.isEmpty else { return own }
    return ([own] + others.map { elements * $0.dtype.bitWidth / 8 }).reduce(0) {
      $0 + ($1 + 63) / 64 * 64
    }
  }
}
