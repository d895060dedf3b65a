import SinterTensors
import Testing

/// Each operation at each level against the same done one element at a time.
@Suite struct RowArithmeticTests {
  static let counts = Array(0...49) + [200, 1_021]
  static let factors = [0.3, -1.7, 0, -0.0, 1, .infinity, .nan]

  /// Ordinary numbers, many of them alike in all rows, and special ones.
  static func row(_ number: Int, count: Int) -> [Double] {
    let special: [Double] = [
      0, -0.0, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -0x1p-1040,
      .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1,
    ]
    var shared = SplitMix64(seed: 1)
    var own = SplitMix64(seed: UInt64(number) + 2)
    return (0..<count).map { _ in
      let alike = Double.random(in: -2...2, using: &shared)
      let place = Int.random(in: 0..<special.count, using: &shared)
      let other = Double.random(in: -2...2, using: &own)
      switch Int.random(in: 0..<6, using: &own) {
      case 0: return special[place]
      case 1: return special[Int.random(in: 0..<special.count, using: &own)]
      case 2, 3: return alike
      default: return other
      }
    }
  }

  /// The patterns, with one pattern for all NaN.
  static func patterns(_ values: [Double]) -> [UInt64] {
    values.map { $0.isNaN ? Double.nan.bitPattern : $0.bitPattern }
  }

  /// Runs an operation that changes a row, at each level.
  static func expect(
    _ expected: [Double], from start: [Double],
    _ operation: (inout MutableSpan<Double>) -> Void
  ) {
    for level in KernelLevel.available {
      var row = start
      KernelLevel.with(level) {
        var span = row.mutableSpan
        operation(&span)
      }
      #expect(patterns(row) == patterns(expected), "\(level), \(row.count) elements")
    }
  }

  static func tile(rows: Int, count: Int) -> Tile<Double> {
    var tile = Tile<Double>(rows: rows, capacity: count)
    for row in 0..<rows {
      let values = Self.row(row, count: count)
      var span = tile.mutableRow(row)
      for i in 0..<count { span[i] = values[i] }
    }
    return tile
  }

  /// What adding a change to a number gives.
  static func placed(_ change: Double, on base: Double) -> Double {
    change == 0 ? base : base + change
  }

  @Test(arguments: counts)
  func `operations on two rows`(count: Int) {
    let (x, y) = (Self.row(0, count: count), Self.row(1, count: count))
    Self.expect(zip(x, y).map { $0 - $1 }, from: x) { RowArithmetic.subtract(y.span, from: &$0) }
    Self.expect(zip(x, y).map { Self.placed($0, on: $1) }, from: x) {
      RowArithmetic.place(&$0, on: y.span)
    }
    for c in Self.factors {
      Self.expect(x.map { $0 * c }, from: x) { RowArithmetic.multiply(&$0, by: c) }
      Self.expect(zip(x, y).map { $0 + c * $1 }, from: x) {
        RowArithmetic.add(y.span, times: c, to: &$0)
      }
    }
  }

  @Test(arguments: counts)
  func `combinations of two rows`(count: Int) {
    let (x, y, z) = (
      Self.row(0, count: count), Self.row(1, count: count), Self.row(2, count: count)
    )
    let zeros = [Double](repeating: 0, count: count)
    for (a, b) in [(0.3, 0.7), (-1.5, 0), (1, .infinity)] {
      Self.expect(zip(x, y).map { a * $0 + b * $1 }, from: zeros) {
        RowArithmetic.combine(x.span, times: a, y.span, times: b, into: &$0)
      }
      let expected = x.indices.map { x[$0] == y[$0] ? z[$0] : a * x[$0] + b * y[$0] }
      Self.expect(expected, from: zeros) {
        RowArithmetic.combine(x.span, times: a, y.span, times: b, whereEqual: z.span, into: &$0)
      }
    }
  }

  @Test(arguments: counts)
  func `a row moves by a distance at most`(count: Int) {
    let (x, base) = (Self.row(0, count: count), Self.row(1, count: count))
    for t in [0, 0.25, 1, .infinity] {
      let expected = zip(x, base).map { x, base in
        let difference = x - base
        if difference.isNaN { return Double.nan }
        if difference.magnitude <= t { return x }
        return difference > 0 ? base + t : base - t
      }
      Self.expect(expected, from: x.map { _ in 0 }) {
        RowArithmetic.approach(x.span, from: base.span, by: t, into: &$0)
      }
    }
  }

  @Test(arguments: counts)
  func `sums over rows add them in their order`(count: Int) {
    let zeros = [Double](repeating: 0, count: count)
    for rows in 1...5 {
      let tile = Self.tile(rows: rows + 1, count: count)
      let base = Self.row(0, count: count)
      let values = (1...rows).map { Self.row($0, count: count) }
      let c = (0..<rows).map { [0.3, -0.2, 0.9, 0, 1.1][$0] }
      func sum(_ i: Int, _ term: (Double) -> Double = { $0 }) -> Double {
        var sum = c[0] * term(values[0][i])
        for r in 1..<rows { sum += c[r] * term(values[r][i]) }
        return sum
      }
      Self.expect(zeros.indices.map { sum($0) }, from: zeros) {
        RowArithmetic.weightedSum(of: tile.rows(1..<rows + 1), c.span, into: &$0)
      }
      let means = zeros.indices.map { i in
        let first = values[0][i]
        let areEqual = values.dropFirst().allSatisfy { $0[i] - first == 0 }
        return areEqual ? first : sum(i)
      }
      Self.expect(means, from: zeros) {
        RowArithmetic.weightedMean(of: tile.rows(1..<rows + 1), c.span, into: &$0)
      }
      Self.expect(zeros.indices.map { Self.placed(sum($0), on: base[$0]) }, from: zeros) {
        RowArithmetic.place(tile.rows(1..<rows + 1), times: c.span, on: tile[0], into: &$0)
      }
      let differences = zeros.indices.map { i in
        Self.placed(sum(i) { $0 - base[i] }, on: base[i])
      }
      Self.expect(differences, from: zeros) {
        RowArithmetic.placeDifferences(
          of: tile.rows(1..<rows + 1), times: c.span, on: tile[0], into: &$0)
      }
    }
  }

  @Test func `rows of different lengths, or without coefficients, are refused`() async {
    await #expect(processExitsWith: .failure) {
      var row = [1.0, 2]
      var span = row.mutableSpan
      RowArithmetic.subtract([1.0].span, from: &span)
    }
    await #expect(processExitsWith: .failure) {
      let tile = Tile<Double>(rows: 2, capacity: 2)
      var row = [1.0, 2]
      var span = row.mutableSpan
      RowArithmetic.weightedSum(of: tile.rows(0..<2), [1.0].span, into: &span)
    }
    await #expect(processExitsWith: .failure) {
      let tile = Tile<Double>(rows: 2, capacity: 2)
      _ = tile.rows(1..<3).count
    }
  }
}
