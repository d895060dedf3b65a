import SinterTensors

/// Times the loops that merges are made of, on one thread, over a tile that stays in the cache.
struct KernelBenchmark {
  let name: String
  /// The elements that the loop goes through in a second.
  let elementsPerSecond: Double

  private static let length = 65_536
  private static let rounds = 64

  /// All of them.
  static func all() -> [KernelBenchmark] {
    let types: [DType] = [.bfloat16, .float16, .float32]
    return types.map(widening) + types.map(narrowing) + reductions + masks
  }

  private init(_ name: String, _ body: () -> Void) {
    self.name = name
    let seconds = Stopwatch.seconds {
      for _ in 0..<Self.rounds { body() }
    }
    elementsPerSecond = Double(Self.length * Self.rounds) / seconds
  }

  /// A row of ordinary weights.
  private static func tile() -> Tile<Double> {
    var tile = Tile<Double>(rows: 2, capacity: length)
    let random = CounterRandom(seed: 3, stream: 0)
    for row in 0..<2 {
      var values = tile.mutableRow(row)
      for i in 0..<length {
        values[i] = 0.04 * (Double(random.uniform32(at: row * length + i)) / 0x1p32 - 0.5)
      }
    }
    return tile
  }

  private static func widening(_ dtype: DType) -> KernelBenchmark {
    var tile = tile()
    var bytes = ByteBuffer(byteCount: length * dtype.bitWidth / 8)
    _ = Conversion.narrow(tile[0], to: dtype, into: &bytes)
    return KernelBenchmark("widen \(dtype.rawValue)") {
      var row = tile.mutableRow(1)
      Conversion.widen(bytes, from: dtype, count: length, into: &row)
    }
  }

  private static func narrowing(_ dtype: DType) -> KernelBenchmark {
    let tile = tile()
    var bytes = ByteBuffer(byteCount: length * dtype.bitWidth / 8)
    return KernelBenchmark("narrow \(dtype.rawValue)") {
      _ = Conversion.narrow(tile[0], to: dtype, into: &bytes)
    }
  }

  private static var reductions: [KernelBenchmark] {
    let tile = tile()
    var sink = 0.0
    var selection = MagnitudeSelection(keeping: length / 2, of: length, as: Double.self)
    var first = selection.makePass()
    first.add(tile[0])
    selection.finish(first)
    return [
      KernelBenchmark("sum of squares") { sink += Reduction.sumOfSquares(tile[0]) },
      KernelBenchmark("sum of magnitudes") { sink += Reduction.sumOfAbsolutes(tile[0]) },
      KernelBenchmark("dot product") { sink += Reduction.dot(tile[0], tile[1]) },
      KernelBenchmark("count of NaN and infinities") {
        sink += Double(Reduction.countNonFinite(tile[0]))
      },
      KernelBenchmark("histogram of magnitudes, first pass") {
        var selection = MagnitudeSelection(keeping: length / 2, of: length, as: Double.self)
        var pass = selection.makePass()
        pass.add(tile[0])
        selection.finish(pass)
      },
      KernelBenchmark("histogram of magnitudes, second pass") {
        var pass = selection.makePass()
        pass.add(tile[0])
      },
    ]
  }

  private static var masks: [KernelBenchmark] {
    var tile = tile()
    let threshold = MagnitudeThreshold(magnitude: 0.01, ties: .all)
    let random = CounterRandom(seed: 1, stream: 2)
    let half = CounterRandom.threshold(for: 0.5)
    var bits = [UInt32](repeating: 0, count: length)
    return [
      KernelBenchmark("difference of rows") {
        tile.update(1, with: 0) { row, other in
          for i in 0..<row.count { row[i] -= other[i] }
        }
      },
      KernelBenchmark("mask by magnitude") {
        var row = tile.mutableRow(1)
        threshold.apply(to: &row, ties: .all)
      },
      KernelBenchmark("random bits") {
        var span = bits.mutableSpan
        random.fill(&span, from: 0)
      },
      KernelBenchmark("mask at random") {
        var row = tile.mutableRow(1)
        random.drop(&row, from: 0, keepingBelow: half)
      },
    ]
  }
}
