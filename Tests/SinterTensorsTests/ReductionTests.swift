import SinterTensors
import Testing

@Suite struct ReductionTests {
  static let counts = Array(0...49) + [1_000, 4_099]

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
  static func sum<T: WorkingFloat>(_ row: [T]) -> Double { Reduction.sum(row.span) }
  static func absolutes<T: WorkingFloat>(_ row: [T]) -> Double {
    Reduction.sumOfAbsolutes(row.span)
  }
  static func squares<T: WorkingFloat>(_ row: [T]) -> Double { Reduction.sumOfSquares(row.span) }
  static func dot<T: WorkingFloat>(_ a: [T], _ b: [T]) -> Double { Reduction.dot(a.span, b.span) }
  static func largest<T: WorkingFloat>(_ row: [T]) -> T { Reduction.largestMagnitude(row.span) }

  static func values<T: WorkingFloat>(_ type: T.Type, count: Int, seed: UInt64) -> [T] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in
      let scale = Double(
        sign: .plus, exponent: .random(in: -20...20, using: &random), significand: 1)
      return T(Double.random(in: -1...1, using: &random) * scale)
    }
  }

  static func check<T: WorkingFloat>(_ type: T.Type, count: Int) {
    let a = values(type, count: count, seed: UInt64(count))
    let b = values(type, count: count, seed: UInt64(count) + 1)
    let results: [(Double, [Double])] = [
      (Self.sum(a), a.map { Double($0) }),
      (Self.absolutes(a), a.map { Double($0).magnitude }),
      (Self.squares(a), a.map { Double($0) * Double($0) }),
      (Self.dot(a, b), zip(a, b).map { Double($0) * Double($1) }),
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
    Self.check(Float.self, count: count)
    Self.check(Double.self, count: count)
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

  @Test func squaresOfFloatsNeitherOverflowNorVanish() {
    let row: [Float] = [.greatestFiniteMagnitude, .leastNonzeroMagnitude]
    let largest = Double(Float.greatestFiniteMagnitude)
    #expect(Self.squares(row) == largest * largest)
    #expect(Self.squares([Float.leastNonzeroMagnitude]) == 0x1p-298)
  }

  @Test(arguments: [1, 15, 16, 17, 40])
  func nonFiniteElements(count: Int) {
    for place in 0..<count {
      var row = [Float](repeating: 1, count: count)
      row[place] = -.infinity
      #expect(Self.sum(row) == -.infinity)
      #expect(Self.absolutes(row) == .infinity)
      #expect(Self.largest(row) == .infinity)
      row[place] = .nan
      #expect(Self.sum(row).isNaN)
      #expect(Self.absolutes(row).isNaN)
      #expect(Self.dot(row, row).isNaN)
      #expect(Self.largest(row).isNaN)
      #expect(Self.largest(row.map { Double($0) }).isNaN)
    }
  }

  static func nonFinite<T: WorkingFloat>(_ row: [T]) -> Int { Reduction.countNonFinite(row.span) }

  @Test(arguments: counts)
  func `values that are not finite are counted`(count: Int) {
    let special: [Double] = [
      .nan, 0, .infinity, 1, -.infinity, .greatestFiniteMagnitude, -.nan, -0.0,
      .leastNonzeroMagnitude, -.greatestFiniteMagnitude, .signalingNaN,
    ]
    let values = (0..<count).map { special[$0 % special.count] }
    #expect(Self.nonFinite(values) == values.count { !$0.isFinite })
    let singles = values.map { $0.isFinite ? Float($0 / 1e300) : Float($0) }
    #expect(Self.nonFinite(singles) == singles.count { !$0.isFinite })
    #expect(Self.nonFinite([Float](repeating: .greatestFiniteMagnitude, count: count)) == 0)
  }
}
