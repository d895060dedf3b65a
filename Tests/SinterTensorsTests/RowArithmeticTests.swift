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
    let (x, y, base) = (
      Self.row(0, count: count), Self.row(1, count: count), Self.row(2, count: count)
    )
    // Two places more than needed on either side, which must stay as they were.
    let outside = [7.0, 8]
    let start = outside + [Double](repeating: 0, count: count) + outside
    for (a, b) in [(0.3, 0.7), (-1.5, 0), (1, .infinity)] {
      for keepingEqual in [false, true] {
        let plain = zip(x, y).map { x, y in keepingEqual && x == y ? x : a * x + b * y }
        Self.expect(outside + plain + outside, from: start) {
          RowArithmetic.combine(
            x.span, times: a, y.span, times: b, keepingEqual: keepingEqual, into: &$0, from: 2)
        }
        let placed = x.indices.map { i in
          let (one, other) = (x[i] - base[i], y[i] - base[i])
          return keepingEqual && one == other
            ? x[i] : Self.placed(a * one + b * other, on: base[i])
        }
        Self.expect(outside + placed + outside, from: start) {
          RowArithmetic.combineDifferences(
            x.span, times: a, y.span, times: b, on: base.span, keepingEqual: keepingEqual,
            into: &$0, from: 2)
        }
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

  /// The rows of a tile without its first, and that one.
  static func rows(of tile: borrowing Tile<Double>) -> (models: [[Double]], base: [Double]) {
    var all: [[Double]] = []
    for row in 0..<tile.rows {
      let span = tile[row]
      all.append(span.indices.map { span[$0] })
    }
    return (Array(all.dropFirst()), all[0])
  }

  @Test(arguments: counts)
  func `squared differences of all pairs`(count: Int) {
    for rows in 1...5 {
      let tile = Self.tile(rows: rows + 1, count: count)
      let models = Self.rows(of: tile).models
      let expected = (0..<count).map { i in
        var sum = 0.0
        for first in 0..<rows {
          for second in first + 1..<rows {
            let difference = models[first][i] - models[second][i]
            sum += difference * difference
          }
        }
        return sum.isNaN ? .infinity : sum
      }
      Self.expect(expected, from: [Double](repeating: 5, count: count)) {
        RowArithmetic.sumSquaredDifferences(of: tile.rows(1..<rows + 1), into: &$0)
      }
    }
  }

  @Test(arguments: counts)
  func `the mean of the majority`(count: Int) {
    let zeros = [Double](repeating: 0, count: count)
    let selectors = (0..<count).map { [1.0, 0, 2, .infinity, -1][$0 % 5] }
    for rows in 1...5 {
      let tile = Self.tile(rows: rows + 1, count: count)
      let (models, base) = Self.rows(of: tile)
      let weights = (0..<rows).map { [0.3, 0.5, 0, 0.1, 0.1][$0] }
      func expected(_ isSelected: (Int) -> Bool) -> [Double] {
        (0..<count).map { i in
          let changes = models.map { isSelected(i) ? $0[i] - base[i] : 0 }
          let sign = changes.reduce(0, +) >= 0 ? 1.0 : -1
          let kept = changes.map { $0 * sign <= 0 ? 0 : $0 }
          let mix = zip(weights, kept).reduce(0) { $0 + $1.0 * $1.1 }
          let divisor = zip(weights, kept).reduce(0) { $0 + ($1.1 == 0 ? 0 : $1.0) }
          return Self.placed(mix / (divisor > 0 ? divisor : 1), on: base[i])
        }
      }
      Self.expect(expected { _ in true }, from: zeros) {
        RowArithmetic.placeMajority(
          of: tile.rows(1..<rows + 1), times: weights.span, on: tile[0], into: &$0)
      }
      Self.expect(expected { selectors[$0] > 0 }, from: zeros) {
        RowArithmetic.placeMajority(
          of: tile.rows(1..<rows + 1), times: weights.span, on: tile[0],
          selectedBy: selectors.span, into: &$0)
      }
    }
  }

  @Test(arguments: counts)
  func `the mean of what counts`(count: Int) {
    let zeros = [Double](repeating: 0, count: count)
    for rows in 1...5 {
      let tile = Self.tile(rows: rows + 1, count: count)
      let (models, base) = Self.rows(of: tile)
      let factors = (0..<rows).map { [1.5, 1, 2, -1, 0][$0] }
      for epsilon in [0, 0.5, .infinity] {
        let expected = (0..<count).map { i in
          let changes = models.map { row in
            let change = row[i] - base[i]
            return change.magnitude <= epsilon ? 0 : change
          }
          let found = changes.count { $0 != 0 }
          let sum = zip(factors, changes).reduce(0) {
            $0 + (found == 1 ? $1.0 * $1.1 : $1.1)
          }
          return Self.placed(sum / Double(max(found, 1)), on: base[i])
        }
        Self.expect(expected, from: zeros) {
          RowArithmetic.placeActive(
            of: tile.rows(1..<rows + 1), times: factors.span, on: tile[0], above: epsilon,
            into: &$0)
        }
      }
    }
  }

  @Test func `some elements of all rows`() {
    let tile = Self.tile(rows: 4, count: 37)
    let base = Self.rows(of: tile).base
    let c = [0.2, 0.5, -0.4]
    for (lower, upper) in [(0, 37), (3, 20), (5, 6), (9, 9), (36, 37)] {
      let inner = tile.rows(1..<4).extracting(lower..<upper)
      #expect(inner.count == 3 && inner.length == upper - lower)
      var all = [Double](repeating: 0, count: 37)
      var span = all.mutableSpan
      RowArithmetic.placeDifferences(
        of: tile.rows(1..<4), times: c.span, on: tile[0], into: &span)
      var part = [Double](repeating: 7, count: 37)
      var other = part.mutableSpan
      RowArithmetic.placeDifferences(
        of: inner, times: c.span, on: tile[0].extracting(lower..<upper), into: &other, from: lower)
      let expected = base.indices.map { lower..<upper ~= $0 ? all[$0] : 7 }
      #expect(Self.patterns(part) == Self.patterns(expected))
    }
  }

  @Test(arguments: Array(0...50) + [511, 4_095])
  func `elements that are not zero are marked, and the others become zero`(count: Int) {
    let special = [0, -0.0, 1, -2, .nan, .infinity, Double.leastNonzeroMagnitude, 0]
    let values = (0..<count).map { special[$0 * 5 % 8] * Double($0 % 3) }
    let row = (0..<count).map { Double($0) }
    let other = (0..<count).map { $0 % 4 == 0 ? Double($0) : 0.25 }
    var expected = [UInt16](repeating: 0, count: RowArithmetic.markCount(count))
    for i in 0..<count where values[i] != 0 { expected[i / 16] |= 1 << (i % 16) }
    let differences = (0..<count).map { values[$0] != 0 ? row[$0] - other[$0] : 0 }
    for level in KernelLevel.available {
      for start in [0, 2] {
        var marks = [UInt16](repeating: 9, count: start + expected.count)
        var result = row
        KernelLevel.with(level) {
          var span = marks.mutableSpan
          RowArithmetic.markNonzero(values.span, into: &span, from: start)
          var target = result.mutableSpan
          RowArithmetic.subtract(other.span, from: &target, marked: marks.span, from: start)
        }
        #expect(marks == [UInt16](repeating: 9, count: start) + expected)
        #expect(Self.patterns(result) == Self.patterns(differences))
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
