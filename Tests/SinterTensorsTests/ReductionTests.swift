import SinterTensors
import Testing

@Suite struct ReductionTests {
  static let counts = Array(0...200) + [1_000, 4_099]

  /// The same order, one element at a time.
  static func ordered(_ terms: [Double]) -> Double {
    var lanes = [Double](repeating: 0, count: 16)
    for (i, term) in terms.enumerated() { lanes[i % 16] += term }
    for width in [8, 4, 2, 1] {
      for j in 0..<width { lanes[j] += lanes[j + width] }
    }
    return lanes[0]
  }

  /// Adds the rounding error of each step back in (Neumaier).
  static func compensated(_ terms: [Double]) -> Double {
    var (sum, error) = (0.0, 0.0)
    for term in terms {
      let next = sum + term
      error += sum.magnitude >= term.magnitude ? (sum - next) + term : (term - next) + sum
      sum = next
    }
    return sum + error
  }

  // Of arrays, because the compiler (6.3.1) crashes on spans of temporaries inside `#expect`.
  static func sum(_ row: [Double]) -> Double { Reduction.sum(row.span) }
  static func absolutes(_ row: [Double]) -> Double { Reduction.sumOfAbsolutes(row.span) }
  static func changes(_ row: [Double], _ base: [Double]) -> Double {
    Reduction.sumOfAbsolutes(row.span, minus: base.span)
  }
  static func squares(_ row: [Double]) -> Double { Reduction.sumOfSquares(row.span) }
  static func squares(_ row: [Float]) -> Double { Reduction.sumOfSquares(row.span) }
  static func dot(_ a: [Double], _ b: [Double]) -> Double { Reduction.dot(a.span, b.span) }
  static func largest(_ row: [Double]) -> Double { Reduction.largestMagnitude(row.span) }
  static func areEqual(_ a: [Double], _ b: [Double]) -> Bool {
    Reduction.areEqual(a.span, b.span)
  }

  static func values(count: Int, seed: UInt64) -> [Double] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in
      let scale = Double(
        sign: .plus, exponent: .random(in: -20...20, using: &random), significand: 1)
      return Double.random(in: -1...1, using: &random) * scale
    }
  }

  static func check(_ a: [Double], _ b: [Double]) {
    let single = a.map { Float($0) }
    #expect(squares(single).bitPattern == squares(single.map { Double($0) }).bitPattern)
    let results: [(Double, [Double])] = [
      (Self.sum(a), a),
      (Self.absolutes(a), a.map { $0.magnitude }),
      (Self.changes(a, b), zip(a, b).map { ($0 - $1).magnitude }),
      (Self.squares(a), a.map { $0 * $0 }),
      (Self.dot(a, b), zip(a, b).map { $0 * $1 }),
    ]
    for (result, terms) in results {
      #expect(result.bitPattern == ordered(terms).bitPattern)
      let scale = terms.reduce(0) { $0 + $1.magnitude }
      #expect((result - compensated(terms)).magnitude <= scale * 0x1p-45)
    }
    let expected = a.reduce(0) { max($0, $1.magnitude) }
    #expect(Self.largest(a) == expected)
  }

  @Test(arguments: counts)
  func likeOneElementAtATime(count: Int) {
    let a = Self.values(count: count, seed: UInt64(count))
    let b = Self.values(count: count, seed: UInt64(count) + 1)
    for level in KernelLevel.available { KernelLevel.with(level) { Self.check(a, b) } }
  }

  @Test func theOrderIsTheDocumentedOne() {
    // 2^53 swallows a single 1. Lane 0 holds it; lanes 8, 4 and 2 meet it one after the other,
    // lanes 1 and 9 add up before they do.
    var row = [Double](repeating: 0, count: 16)
    (row[0], row[8], row[4], row[2]) = (0x1p53, 1, 1, 1)
    #expect(Self.sum(row) == 0x1p53)
    (row[1], row[9]) = (1, 1)
    #expect(Self.sum(row) == 0x1p53 + 2)
  }

  @Test func `a row may start anywhere`() {
    let values = Self.values(count: 90, seed: 3)
    for start in 0..<17 {
      let expected = Self.ordered(Array(values[start...]))
      for level in KernelLevel.available {
        let sum = KernelLevel.with(level) { Reduction.sum(values.span.extracting(start...)) }
        #expect(sum.bitPattern == expected.bitPattern)
      }
    }
  }

  @Test func `zeros have the sign of a sum`() {
    for level in KernelLevel.available {
      KernelLevel.with(level) {
        for count in 0...33 {
          let zeros = [Double](repeating: -0.0, count: count)
          #expect(Self.sum(zeros).sign == .plus && Self.absolutes(zeros).sign == .plus)
          #expect(Self.largest(zeros).sign == .plus)
        }
      }
    }
  }

  @Test func `the smallest and the largest numbers keep their place`() {
    let row = [.leastNonzeroMagnitude, -.leastNonzeroMagnitude * 3, 0x1p-1030, 0.0]
    for level in KernelLevel.available {
      KernelLevel.with(level) {
        #expect(Self.sum(row) == 0x1p-1030 - 2 * .leastNonzeroMagnitude)
        #expect(Self.absolutes(row) == 0x1p-1030 + 4 * .leastNonzeroMagnitude)
        #expect(Self.largest(row) == 0x1p-1030)
        #expect(Self.squares([0x1p600, 1]) == .infinity)
        #expect(Self.largest([1, -.greatestFiniteMagnitude]) == .greatestFiniteMagnitude)
      }
    }
  }

  @Test(arguments: [1, 15, 16, 17, 40])
  func nonFiniteElements(count: Int) {
    for level in KernelLevel.available {
      KernelLevel.with(level) {
        for place in 0..<count {
          var row = [Double](repeating: 1, count: count)
          row[place] = -.infinity
          #expect(Self.sum(row) == -.infinity)
          #expect(Self.absolutes(row) == .infinity)
          #expect(Self.largest(row) == .infinity)
          row[place] = .nan
          #expect(Self.sum(row).isNaN)
          #expect(Self.absolutes(row).isNaN)
          #expect(Self.dot(row, row).isNaN)
          #expect(Self.largest(row).isNaN)
        }
      }
    }
  }

  static func nonFinite(_ row: [Double]) -> Int { Reduction.countNonFinite(row.span) }

  @Test(arguments: counts)
  func `values that are not finite are counted`(count: Int) {
    let special: [Double] = [
      .nan, 0, .infinity, 1, -.infinity, .greatestFiniteMagnitude, -.nan, -0.0,
      .leastNonzeroMagnitude, -.greatestFiniteMagnitude, .signalingNaN,
    ]
    let values = (0..<count).map { special[$0 % special.count] }
    for level in KernelLevel.available {
      KernelLevel.with(level) {
        #expect(Self.nonFinite(values) == values.count { !$0.isFinite })
      }
    }
  }

  @Test(arguments: Array(0...40) + [255, 256, 257, 300, 1_000])
  func `rows are equal when every element is`(count: Int) {
    let values = Self.values(count: count, seed: 8)
    for level in KernelLevel.available {
      KernelLevel.with(level) {
        #expect(Self.areEqual(values, values))
        for place in Set([0, 1, count / 2, count - 2, count - 1]) where values.indices ~= place {
          var other = values
          other[place] = other[place].nextUp
          #expect(!Self.areEqual(values, other))
          other[place] = .nan
          #expect(!Self.areEqual(other, other))
        }
      }
    }
    #expect(Self.areEqual([0, .infinity], [-0.0, .infinity]))
  }

  static func tile(rows: Int, count: Int) -> Tile<Double> {
    var tile = Tile<Double>(rows: rows, capacity: count)
    for row in 0..<rows {
      let values = Self.values(count: count, seed: UInt64(row))
      var span = tile.mutableRow(row)
      for i in 0..<count { span[i] = values[i] }
    }
    return tile
  }

  @Test(arguments: [0, 1, 15, 16, 17, 33, 100])
  func `products of all pairs are those of single pairs`(count: Int) {
    for rows in 0...9 {
      let tile = Self.tile(rows: rows + 1, count: count)
      let values = (0...rows).map { row in (0..<count).map { tile[row][$0] } }
      let changes = values.map { row in zip(row, values[0]).map { $0 - $1 } }
      func products(_ vectors: [[Double]]) -> [Double] {
        (1..<rows + 1).flatMap { i in
          (i..<rows + 1).map { j in 0.5 + Self.ordered(zip(vectors[i], vectors[j]).map(*)) }
        }
      }
      for level in KernelLevel.available {
        var sums = [Double](repeating: 0.5, count: rows * (rows + 1) / 2)
        var differences = sums
        KernelLevel.with(level) {
          var span = sums.mutableSpan
          Reduction.addProducts(of: tile.rows(1..<rows + 1), to: &span)
          var other = differences.mutableSpan
          Reduction.addProducts(of: tile.rows(1..<rows + 1), minus: tile[0], to: &other)
        }
        #expect(sums == products(values))
        #expect(differences == products(changes))
      }
    }
  }

  @Test(arguments: [0, 1, 15, 16, 17, 33, 100])
  func `squares of differences, in all places and in some`(count: Int) {
    let (x, b) = (Self.values(count: count, seed: 1), Self.values(count: count, seed: 2))
    let selectors = (0..<count).map { [0.0, 1, -1, .infinity, -0.0][$0 % 5] }
    let squares = zip(x, b).map { ($0 - $1) * ($0 - $1) }
    let selected = zip(squares, selectors).map { $1 > 0 ? $0 : 0 }
    for level in KernelLevel.available {
      let (all, some) = KernelLevel.with(level) {
        (
          Reduction.sumOfSquares(x.span, minus: b.span),
          Reduction.sumOfSquares(x.span, minus: b.span, selectedBy: selectors.span)
        )
      }
      #expect(all == Self.ordered(squares))
      #expect(some == Self.ordered(selected))
      let both = KernelLevel.with(level) { Reduction.sumsOfSquares(b.span, changedTo: x.span) }
      #expect(both.squares == Self.ordered(b.map { $0 * $0 }))
      #expect(both.changes == all)
    }
  }
}
