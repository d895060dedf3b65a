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
    stored(visit)
    masks(visit)
  }

  private typealias Visitor = (_ name: String, _ byteCount: Int, _ body: () -> Void) -> Void

  /// Rows of ordinary weights.
  private static func tile() -> Tile<Double> {
    var tile = Tile<Double>(rows: 4, capacity: length)
    let random = CounterRandom(seed: 3, stream: 0)
    for row in 0..<4 {
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
    var tile = tile()
    // A tensor of which sixteen tiles are looked at, after a sample of them.
    let tiles = 16
    var large = MagnitudeSelection(keeping: tiles * length / 2, of: tiles * length)
    while large.samples {
      var pass = large.makePass()
      pass.add(tile[0], tile: 0)
      large.finish(pass)
    }
    visit("selection of the largest, a pass", 8 * tiles * length) {
      var pass = large.makePass()
      for number in 0..<tiles { pass.add(tile[0], tile: number) }
    }
    var selection = MagnitudeSelection(keeping: length / 2, of: length, samples: false)
    while !selection.isComplete {
      var pass = selection.makePass()
      pass.add(tile[0], tile: 0)
      selection.finish(pass)
    }
    visit("mask of the largest", 16 * length) {
      var row = tile.mutableRow(1)
      selection.keep(&row, tile: 0)
    }
    var ranking = MagnitudeRanking()
    visit("ranking of a row of 2,048", 8 * 2048) {
      ranking.rank(tile[0], from: 0, by: 1, count: 2048)
    }
  }

  private static func elementwise(_ visit: Visitor) {
    var tile = tile()
    var output = Tile<Double>(rows: 1, capacity: length)
    let coefficients = [0.6, 0.4]
    let voter = SignVote.Voter(factor: 1, voice: 0.4, weight: 0.4, share: 0.4)
    let voters = [voter, voter, voter]
    let vote = SignVote(zeroIsPositive: true, lambda: 1, divides: true, leastDivisor: 0)
    visit("difference of rows", 24 * length) {
      tile.update(1, with: 0) { row, other in RowArithmetic.subtract(other, from: &row) }
    }
    visit("weighted mean of two rows", 24 * length) {
      var out = output.mutableRow(0)
      RowArithmetic.weightedMean(of: tile.rows(0..<2), coefficients.span, into: &out)
    }
    visit("vote of three rows", 40 * length) {
      var out = output.mutableRow(0)
      vote.merge(tile.rows(1..<4), .subtracted, voters.span, on: tile[0], into: &out)
    }
  }

  private static func stored(_ visit: Visitor) {
    let tile = tile()
    var elements: [UInt16] = []
    for row in 0..<4 {
      var bytes = ByteBuffer(byteCount: 2 * length)
      _ = Conversion.narrow(tile[row], to: .bfloat16, into: &bytes)
      let span = bytes.elements(as: UInt16.self, count: length)
      for i in span.indices { elements.append(span[i]) }
    }
    var output = [UInt16](repeating: 0, count: length)
    for (name, sum) in [
      ("mean of two BF16 rows", RowSum([0.6, 0.4], keepsEqual: true)),
      ("mean of two BF16 rows, halved", RowSum([0.5, 0.5], keepsEqual: true)),
      ("differences of three BF16 rows", RowSum([0.3, 0.4, 0.5], hasBase: true)),
    ] {
      let count = sum.coefficients.count + (sum.hasBase ? 1 : 0)
      visit(name, 2 * (count + 1) * length) {
        let rows = StoredRows(
          elements.span.extracting(first: count * length), count: count, length: length,
          stride: length)
        var out = output.mutableSpan
        _ = sum.add(rows, into: &out)
      }
    }
    let voter = SignVote.Voter(factor: 1, voice: 0.4, weight: 0.4, share: 0.4)
    let voters = [voter, voter, voter]
    let vote = SignVote(zeroIsPositive: true, lambda: 1, divides: true, leastDivisor: 0)
    let bounds = MagnitudeBounds(low: 0.01)
    let thinned = ThinnedRows.bounded([bounds, bounds, bounds])
    visit("vote of three BF16 rows, thinned", 10 * length) {
      let rows = StoredRows(elements.span, count: 4, length: length, stride: length)
      var out = output.mutableSpan
      _ = vote.merge(rows, thinned, voters.span, into: &out)
    }
    var products = [0.0, 0, 0, 0, 0, 0]
    visit("products of three BF16 rows", 6 * length) {
      let rows = StoredRows(
        elements.span.extracting(first: 3 * length), count: 3, length: length, stride: length)
      var sums = products.mutableSpan
      _ = Reduction.addProducts(of: rows, hasBase: false, to: &sums)
    }
  }

  private static func masks(_ visit: Visitor) {
    var tile = tile()
    let random = CounterRandom(seed: 1, stream: 2)
    let half = CounterRandom.threshold(for: 0.5)
    var bits = [UInt32](repeating: 0, count: length)
    visit("random bits", 4 * length) {
      var span = bits.mutableSpan
      random.fill(&span, from: 0)
    }
    visit("mask at random", 16 * length) {
      var row = tile.mutableRow(1)
      random.drop(&row, from: 0, keepingBelow: half)
    }
    var marks = [UInt16](repeating: 0, count: RowArithmetic.markCount(length))
    var sink = 0.0
    visit("sums and marks of what is kept", 16 * length) {
      var span = marks.mutableSpan
      sink +=
        random.sumsOfAbsolutes(
          tile[2], minus: tile[0], from: 0, keepingBelow: half, marking: &span
        ).kept
    }
    visit("mask by rank in rows of 2,048", 16 * length) {
      tile.update(1, with: 2) { row, source in
        for i in 0..<source.count { row[i] = source[i] }
        random.dropRanked(&row, ofVectors: 2048, from: 0, low: 0.35, width: 0.3)
      }
    }
  }
}
