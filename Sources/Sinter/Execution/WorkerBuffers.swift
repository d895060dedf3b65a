import SinterTensors

/// The memory that one worker needs, allocated once for the whole merge.
struct WorkerBuffers: ~Copyable {
  /// What is read.
  var bytes: ByteBuffer
  /// What is written.
  var output: ByteBuffer
  var tiles: TileBuffers

  /// Allocates the buffers of one worker.
  init(_ sizes: WorkerSizes) {
    bytes = ByteBuffer(byteCount: sizes.inputBytes)
    output = ByteBuffer(byteCount: sizes.outputBytes)
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
  /// The bytes of all sources that are read before they are worked on.
  private(set) var inputBytes = 0
  /// The most bytes that are written at once.
  private(set) var outputBytes = 0
  /// The elements of the largest tile of inputs, rows padded.
  private(set) var inputElements = 0
  /// The elements of the largest tile of scratch rows.
  private(set) var scratchElements = 0
  /// The elements of the largest output row.
  private(set) var outputElements = 0
  /// The bytes of the largest partial result of a survey.
  private(set) var surveyByteCount = 0
  /// The most bytes that a survey holds in the end; not those of a worker, but of an open unit.
  private(set) var surveyHeldByteCount = 0

  /// The bytes of the adapters' factors that the sources of one tensor need, and of their work.
  private(set) var updateBytes = 0

  /// The memory of one worker in bytes, with its part of what the scheduler holds: the survey and
  /// partial results, for each open unit their sum, and as much as one that the allocator has not
  /// given back.
  var total: Int {
    inputBytes + outputBytes + updateBytes
      + (inputElements + scratchElements + outputElements) * MemoryLayout<Double>.stride
      + surveyByteCount * (Scheduler.surveyStepsPerWorker + 2)
  }

  /// The bytes of the pieces in which tensors are copied.
  static let copyLength = 512 * 1024

  /// What the tensors of a plan need.
  init(_ tensors: [PlannedTensor]) {
    for tensor in tensors {
      guard case .merge(let method, _) = tensor.effectiveOperation else {
        inputBytes = max(inputBytes, min(Self.copyLength, tensor.bytes.count))
        continue
      }
      let grid = TileGrid(shape: tensor.shape, grain: method.grain)
      let sizes = tensor.sources.map { $0.tensor.readByteCount(of: grid.largestRun) }
      // A run that is a single tile is read source by source.
      let bytes =
        grid.tilesPerRun == 1
        ? sizes.max() ?? 0
        : sizes.reduce(0) { $0 + Self.padded($1) }
      inputBytes = max(inputBytes, bytes)
      outputBytes = max(outputBytes, grid.largestWrite * tensor.dtype.bitWidth / 8)
      let row =
        Tile<Double>.byteCount(rows: 1, capacity: grid.largestTile)
        / MemoryLayout<Double>.stride
      inputElements = max(inputElements, tensor.sources.count * row)
      scratchElements = max(scratchElements, method.scratchRows * row)
      outputElements = max(outputElements, row)
      surveyByteCount = max(surveyByteCount, method.surveyByteCount)
      surveyHeldByteCount = max(surveyHeldByteCount, method.surveyHeldByteCount)
      updateBytes = max(
        updateBytes,
        tensor.sources.reduce(0) { $0 + ($1.tensor.update?.byteCount(tile: grid.largestTile) ?? 0) }
      )
    }
  }

  /// Where in the buffer the run of each source begins, one after the other; all at the start where
  /// a run is a single tile.
  static func places(of sources: [any TensorSource], _ grid: TileGrid) -> [Int] {
    var place = 0
    return sources.map { source in
      defer { if grid.tilesPerRun > 1 { place += padded(source.byteCount(of: grid.largestRun)) } }
      return place
    }
  }

  private static func padded(_ byteCount: Int) -> Int { (byteCount + 63) / 64 * 64 }
}
