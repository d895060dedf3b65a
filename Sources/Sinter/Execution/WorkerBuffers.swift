import SinterTensors

/// The memory that one worker needs, allocated once for the whole merge.
struct WorkerBuffers: ~Copyable {
  var bytes: ByteBuffer
  var single: TileBuffers<Float>
  var double: TileBuffers<Double>

  /// Allocates the buffers of one worker.
  init(_ sizes: WorkerSizes) {
    bytes = ByteBuffer(byteCount: sizes.byteCount)
    single = TileBuffers(sizes.single)
    double = TileBuffers(sizes.double)
  }
}

/// The tiles of one precision.
struct TileBuffers<T: WorkingFloat>: ~Copyable {
  var inputs: Tile<T>
  var scratch: Tile<Double>
  var output: Tile<T>

  init(_ sizes: TileSizes) {
    inputs = Tile(rows: sizes.inputElements == 0 ? 0 : 1, capacity: sizes.inputElements)
    scratch = Tile(rows: sizes.scratchElements == 0 ? 0 : 1, capacity: sizes.scratchElements)
    output = Tile(rows: sizes.outputElements == 0 ? 0 : 1, capacity: sizes.outputElements)
  }
}

/// How large the tiles of one precision must be, in elements, rows padded.
struct TileSizes: Sendable, Hashable {
  var inputElements = 0
  var scratchElements = 0
  var outputElements = 0

  /// Makes room for a tensor.
  mutating func include(inputs: Int, scratch: Int, tileLength: Int) {
    // Rows are padded to 16 elements, which suits both precisions.
    let length = (tileLength + 15) / 16 * 16
    inputElements = max(inputElements, inputs * length)
    scratchElements = max(scratchElements, scratch * length)
    outputElements = max(outputElements, length)
  }
}

/// How large the buffers of one worker must be for a plan.
struct WorkerSizes: Sendable, Hashable {
  var byteCount = 0
  var single = TileSizes()
  var double = TileSizes()

  /// The memory of one worker in bytes.
  var total: Int {
    byteCount
      + (single.inputElements + single.outputElements) * MemoryLayout<Float>.stride
      + (double.inputElements + double.outputElements) * MemoryLayout<Double>.stride
      + (single.scratchElements + double.scratchElements) * MemoryLayout<Double>.stride
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
      let add = { (sizes: inout TileSizes) in
        sizes.include(
          inputs: tensor.sources.count, scratch: method.scratchRows, tileLength: grid.largestTile)
      }
      if tensor.computesInDouble { add(&double) } else { add(&single) }
    }
  }
}
