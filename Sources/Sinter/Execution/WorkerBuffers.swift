import SinterTensors

/// The memory that one worker needs, allocated once for the whole merge.
struct WorkerBuffers: ~Copyable {
  var bytes: ByteBuffer
  var tiles: TileBuffers

  /// Allocates the buffers of one worker.
  init(_ sizes: WorkerSizes) {
    bytes = ByteBuffer(byteCount: sizes.byteCount)
    tiles = TileBuffers(sizes)
  }
}

/// The rows that a group's tile takes.
struct TileBuffers: ~Copyable {
  var inputs: Tile<Double>
  var scratch: Tile<Double>
  var output: Tile<Double>

  init(_ sizes: WorkerSizes) {
    inputs = Tile(rows: 1, capacity: sizes.inputElements)
    scratch = Tile(rows: 1, capacity: sizes.scratchElements)
    output = Tile(rows: 1, capacity: sizes.outputElements)
  }
}

/// How large the buffers of one worker must be for a plan.
struct WorkerSizes: Sendable, Hashable {
  /// The bytes of the largest piece that is read or written at once.
  private(set) var byteCount = 0
  /// The elements of the largest tile of inputs, rows padded.
  private(set) var inputElements = 0
  /// The elements of the largest tile of scratch rows.
  private(set) var scratchElements = 0
  /// The elements of the largest output row.
  private(set) var outputElements = 0
  /// The bytes of the largest partial result of a survey.
  private(set) var surveyByteCount = 0

  /// The memory of one worker in bytes, with its part of what the scheduler holds: partial results
  /// for each open unit their sum, and as much as one that the allocator has not given back.
  var total: Int {
    byteCount
      + (inputElements + scratchElements + outputElements) * MemoryLayout<Double>.stride
      + surveyByteCount * (Scheduler.surveyStepsPerWorker + 2)
  }

  /// The bytes of the pieces in which tensors are copied.
  static let copyLength = 512 * 1024

  /// What the tensors of a plan need.
  init(_ tensors: [PlannedTensor]) {
    for tensor in tensors {
      guard case .merge(let method, _) = tensor.effectiveOperation else {
        byteCount = max(byteCount, min(Self.copyLength, tensor.bytes.count))
        continue
      }
      let grid = TileGrid(shape: tensor.shape, grain: method.grain)
      let widest = max(
        tensor.dtype.bitWidth, tensor.sources.map(\.tensor.dtype.bitWidth).max() ?? 0)
      byteCount = max(byteCount, grid.largestTile * widest / 8)
      let row =
        Tile<Double>.byteCount(rows: 1, capacity: grid.largestTile)
        / MemoryLayout<Double>.stride
      inputElements = max(inputElements, tensor.sources.count * row)
      scratchElements = max(scratchElements, method.scratchRows * row)
      outputElements = max(outputElements, row)
      surveyByteCount = max(surveyByteCount, method.surveyByteCount)
    }
  }
}
