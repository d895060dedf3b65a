import SinterTensors

/// The loops that merges are made of, each over a tile that stays in the cache.
enum KernelBenchmark {
  /// The elements of a tile.
  static let length = 8192

  /// Gives each loop to a visitor, which may run it as often as it likes.
  ///
  /// - Parameter visit: takes the name of the loop, the bytes of memory that one round reads and
  ///   writes, and the loop.
  static func forEach(_ visit: (_ name: String, _ byteCount: Int, _ body: () -> Void) -> Void) {
    for dtype in [DType.bfloat16, .float16, .float32] {
      widening(dtype, visit)
      narrowing(dtype, visit)
    }
    reductions(visit)
    selection(visit)
    elementwise(visit)
    masks(visit)
  }

  private typealias Visitor = (_ name: String, _ byteCount: Int, _ body: () -> Void) -> Void

  /// Rows of ordinary weights.
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

  private static func widening(_ dtype: DType, _ visit: Visitor) {
    var tile = tile()
    let stored = length * dtype.bitWidth / 8
    var bytes = ByteBuffer(byteCount: stored)
    _ = Conversion.narrow(tile[0], to: dtype, into: &bytes)
    visit("widen \(dtype.rawValue)", stored + 8 * length) {
      var row = tile.mutableRow(1)
      Conversion.widen(bytes, from: dtype, count: length, into: &row)
    }
  }

  private static func narrowing(_ dtype: DType, _ visit: Visitor) {
    let tile = tile()
    let stored = length * dtype.bitWidth / 8
    var bytes = ByteBuffer(byteCount: stored)
    visit("narrow \(dtype.rawValue)", stored + 8 * length) {
      _ = Conversion.narrow(tile[0], to: dtype, into: &bytes)
    }
  }

  private static func reductions(_ visit: Visitor) {
    let tile = tile()
    var sink = 0.0
    visit("sum of squares", 8 * length) { sink += Reduction.sumOfSquares(tile[0]) }
    visit("sum of magnitudes", 8 * length) { sink += Reduction.sumOfAbsolutes(tile[0]) }
    visit("dot product", 16 * length) { sink += Reduction.dot(tile[0], tile[1]) }
    visit("count of NaN and infinities", 8 * length) {
      sink += Double(Reduction.countNonFinite(tile[0]))
    }
  }

  private static func selection(_ visit: Visitor) {
    let tile = tile()
    var first = MagnitudeSelection(keeping: length / 2, of: length, as: Double.self).makePass()
    visit("histogram of magnitudes, first pass", 8 * length) { first.add(tile[0]) }
    var selection = MagnitudeSelection(keeping: length / 2, of: length, as: Double.self)
    var pass = selection.makePass()
    pass.add(tile[0])
    selection.finish(pass)
    var second = selection.makePass()
    visit("histogram of magnitudes, second pass", 8 * length) { second.add(tile[0]) }
  }

  private static func elementwise(_ visit: Visitor) {
    var tile = tile()
    visit("difference of rows", 24 * length) {
      tile.update(1, with: 0) { row, other in
        for i in 0..<row.count { row[i] -= other[i] }
      }
    }
    visit("weighted sum of rows", 24 * length) {
      tile.update(1, with: 0) { row, other in
        for i in 0..<row.count { row[i] += 0.3 * other[i] }
      }
    }
  }

  private static func masks(_ visit: Visitor) {
    var tile = tile()
    let threshold = MagnitudeThreshold(magnitude: 0.01, ties: .all)
    let random = CounterRandom(seed: 1, stream: 2)
    let half = CounterRandom.threshold(for: 0.5)
    var bits = [UInt32](repeating: 0, count: length)
    visit("mask by magnitude", 16 * length) {
      var row = tile.mutableRow(1)
      threshold.apply(to: &row, ties: .all)
    }
    visit("random bits", 4 * length) {
      var span = bits.mutableSpan
      random.fill(&span, from: 0)
    }
    visit("mask at random", 16 * length) {
      var row = tile.mutableRow(1)
      random.drop(&row, from: 0, keepingBelow: half)
    }
  }
}
