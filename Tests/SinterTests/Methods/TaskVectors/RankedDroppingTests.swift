import SinterTensors
import Testing

@testable import Sinter

@Suite struct RankedDroppingTests {
  private static let rows = 6000
  private static let length = 24
  private static let (density, epsilon) = (0.45, 0.3)

  /// For each row the ranks, 0 for the smallest, of magnitudes in a random order.
  private static func ranks(seed: UInt64) -> [Int] {
    var random = TestRandom(seed: seed)
    return (0..<rows).flatMap { _ in Array(0..<length).shuffled(using: &random) }
  }

  private static func masks(
    _ ranks: [Int], model: Int, name: String = "t", seed: UInt64 = 0
  ) -> [Bool] {
    let dropping = RankedDropping(
      [rows, length], density: density, epsilon: epsilon,
      random: CounterRandom(
        seed: seed, stream: CounterRandom.stream(model: model, tensor: name)),
      dividesByProbability: false)
    var values = ranks.map { Double($0 + 1) * ($0 % 2 == 0 ? 1 : -1) }
    var span = values.mutableSpan
    dropping.apply(to: &span, from: 0)
    return values.map { $0 != 0 }
  }

  private static func probability(_ rank: Int) -> Double {
    density - epsilon + 2 * epsilon * Double(rank) / Double(length - 1)
  }

  /// The squared deviations of kept counts from what probabilities lead one to expect, each over
  /// its variance: a chi-square of as many degrees of freedom as there are ranks.
  private static func chiSquare(
    _ kept: [Int], _ trials: Int, _ probability: (Int) -> Double
  ) -> Double {
    kept.enumerated().reduce(0) { sum, rank in
      let p = probability(rank.offset)
      let off = Double(rank.element) - Double(trials) * p
      return sum + off * off / (Double(trials) * p * (1 - p))
    }
  }

  private static func isLikely(_ chiSquare: Double, freedom: Int) -> Bool {
    abs(chiSquare - Double(freedom)) < 4.5 * (2 * Double(freedom)).squareRoot()
  }

  @Test(arguments: [UInt64(0), 1, 77])
  func `each rank is kept with its own probability`(seed: UInt64) {
    let ranks = Self.ranks(seed: seed)
    let mask = Self.masks(ranks, model: 0, seed: seed)
    var kept = [Int](repeating: 0, count: Self.length)
    for (rank, isKept) in zip(ranks, mask) where isKept { kept[rank] += 1 }
    #expect(
      Self.isLikely(
        Self.chiSquare(kept, Self.rows, Self.probability), freedom: Self.length))
    // The test can fail: ranks the other way round, off by one and not regarded at all are told.
    for wrong: (Int) -> Double in [
      { Self.probability(Self.length - 1 - $0) },
      { Self.probability(min($0 + 1, Self.length - 1)) },
      { _ in Self.density },
    ] {
      #expect(!Self.isLikely(Self.chiSquare(kept, Self.rows, wrong), freedom: Self.length))
    }
  }

  @Test func `rows keep as many as independent elements would`() {
    let ranks = Self.ranks(seed: 5)
    let mask = Self.masks(ranks, model: 0)
    let probabilities = (0..<Self.length).map(Self.probability)
    let mean = probabilities.reduce(0, +)
    let variance = probabilities.reduce(0) { $0 + $1 * (1 - $1) }
    let chiSquare = stride(from: 0, to: mask.count, by: Self.length).reduce(0.0) { sum, start in
      let off = Double(mask[start..<start + Self.length].count { $0 }) - mean
      return sum + off * off / variance
    }
    #expect(Self.isLikely(chiSquare, freedom: Self.rows))
  }

  @Test func `masks of models, tensors and seeds are independent`() {
    let ranks = Self.ranks(seed: 6)
    let first = Self.masks(ranks, model: 0)
    /// The correlation of two masks as a number that is normally distributed when there is none.
    func correlation(_ other: [Bool]) -> Double {
      var sum = 0.0
      for i in ranks.indices {
        let p = Self.probability(ranks[i])
        sum += ((first[i] ? 1 : 0) - p) * ((other[i] ? 1 : 0) - p) / (p * (1 - p))
      }
      return sum / Double(ranks.count).squareRoot()
    }
    #expect(abs(correlation(Self.masks(ranks, model: 1))) < 4.5)
    #expect(abs(correlation(Self.masks(ranks, model: 0, name: "u"))) < 4.5)
    #expect(abs(correlation(Self.masks(ranks, model: 0, seed: 1))) < 4.5)
    #expect(correlation(first) > 100)
  }

  @Test func `a vector is ranked along axis 1`() {
    // Two slabs of three by two: vectors are 0,2,4 and 1,3,5 of each.
    let dropping = RankedDropping(
      [2, 3, 2], density: 0.5, epsilon: 0.4, random: CounterRandom(seed: 0, stream: 0),
      dividesByProbability: true)
    var values = [Double](repeating: 0, count: 12)
    for i in 0..<12 { values[i] = Double((i * 5) % 12 + 1) }
    let before = values
    var span = values.mutableSpan
    dropping.apply(to: &span, from: 0)
    let expected = MethodReference.ranked(
      before, [2, 3, 2], density: 0.5, epsilon: 0.4, random: CounterRandom(seed: 0, stream: 0))
    #expect(values == zip(expected.kept, expected.probabilities).map { $0 / $1 })
    #expect(Set(expected.probabilities.map { ($0 * 10).rounded() }) == [1, 5, 9])
  }

  @Test func `dividing by the probability keeps the expected sum`() {
    let ranks = Self.ranks(seed: 9)
    let dropping = RankedDropping(
      [Self.rows, Self.length], density: Self.density, epsilon: Self.epsilon,
      random: CounterRandom(seed: 2, stream: 3), dividesByProbability: true)
    var values = ranks.map { Double($0 + 1) }
    let sum = values.reduce(0, +)
    var span = values.mutableSpan
    dropping.apply(to: &span, from: 0)
    let variance = ranks.reduce(0.0) { total, rank in
      let p = Self.probability(rank)
      return total + Double((rank + 1) * (rank + 1)) * (1 - p) / p
    }
    #expect(abs(values.reduce(0, +) - sum) < 4.5 * variance.squareRoot())
  }
}
