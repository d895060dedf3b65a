import Testing

@testable import SinterTensors

/// Votes and sums of task vectors at each level against the same done one element at a time.
@Suite struct SignVoteTests {
  static let counts = Array(0...33) + [127, 128, 129, 1_021]

  /// What the rows hold.
  enum Content: CaseIterable {
    /// Numbers of ordinary size, many of them equal or opposite.
    case ordinary
    /// Any bits but those of NaN and infinity.
    case finite
    /// Zeros, subnormals, the largest numbers, infinities and NaN among ordinary numbers.
    case special

    func row(_ number: Int, count: Int) -> [Double] {
      var random = SplitMix64(seed: UInt64(number) + 7)
      switch self {
      case .ordinary:
        return (0..<count).map { _ in
          let few = Double(Int.random(in: -3...3, using: &random)) / 64
          return Bool.random(using: &random) ? few : Double.random(in: -1...1, using: &random)
        }
      case .finite: return (0..<count).map { _ in random.nextFinite(Double.self) }
      case .special: return RowArithmeticTests.row(number, count: count)
      }
    }
  }

  static func tile(_ content: Content, rows: Int, count: Int) -> Tile<Double> {
    var tile = Tile<Double>(rows: rows, capacity: count)
    for row in 0..<rows {
      let values = content.row(row, count: count)
      var span = tile.mutableRow(row)
      for i in 0..<count { span[i] = values[i] }
    }
    return tile
  }

  /// Every kind of thinning, for as many rows.
  static func thinnings(rows: Int, count: Int) -> [ThinnedRows] {
    var random = SplitMix64(seed: 3)
    let lows = [0.1, .nan, 0, .infinity, -1].shuffled(using: &random)
    let highs = [0.9, .nan, 1, 0.2, .infinity].shuffled(using: &random)
    let marks = (0..<rows * RowArithmetic.markCount(count)).map { _ in
      UInt16.random(in: 0...(.max), using: &random)
    }
    return [
      .subtracted,
      .bounded((0..<rows).map { MagnitudeBounds(low: lows[$0 % 5]) }),
      .bounded((0..<rows).map { MagnitudeBounds(low: lows[$0 % 5], high: highs[$0 % 5]) }),
      .marked(marks),
    ]
  }

  /// An element of a task vector.
  static func change(
    _ value: Double, _ base: Double, row: Int, at index: Int, count: Int, _ thinned: ThinnedRows
  ) -> Double {
    let difference = value - base
    switch thinned {
    case .subtracted: return value
    case .bounded(let bounds):
      let size = difference.magnitude
      return size <= bounds[row].low || size >= bounds[row].high ? 0 : difference
    case .marked(let marks):
      let mark = marks[row * RowArithmetic.markCount(count) + index / 16]
      return mark >> (index % 16) & 1 == 1 ? difference : 0
    }
  }

  /// The result for one element.
  static func voted(
    _ changes: [Double], _ voters: [SignVote.Voter], _ vote: SignVote, on base: Double
  ) -> Double {
    var sum = 0.0
    for (change, voter) in zip(changes, voters) { sum += change * voter.factor * voter.voice }
    let sign: Double = sum > 0 ? 1 : sum == 0 ? (vote.zeroIsPositive ? 1 : 0) : -1
    var (mix, divisor) = (0.0, 0.0)
    for (change, voter) in zip(changes, voters) {
      let agreement = change * voter.factor * voter.voice * sign
      if !(agreement <= 0) { mix += change * voter.factor * voter.weight }
      if agreement > 0 { divisor += voter.share }
    }
    if vote.divides, divisor.magnitude > vote.leastDivisor { mix /= divisor }
    let total = mix * vote.lambda
    return total == 0 ? base : base + total
  }

  /// Voters who differ in what is looked at before votes are counted.
  static func voters(_ number: Int, count: Int) -> [SignVote.Voter] {
    let weights = [0.4, 0.3, -0.7, 1.1, 0.4, 2]
    return (0..<count).map { row in
      let weight = weights[row % 6]
      return switch number {
      case 0: SignVote.Voter(factor: 1, voice: 0.4, weight: 0.4, share: 0.4)
      case 1: SignVote.Voter(factor: 1, voice: weight, weight: weight, share: weight)
      case 2:
        SignVote.Voter(factor: 2.01 + weight, voice: weight, weight: weight, share: weight)
      case 3: SignVote.Voter(factor: 1, voice: 1, weight: weight, share: 1)
      case 4:
        SignVote.Voter(factor: 1, voice: .infinity, weight: .infinity, share: .infinity)
      // Divisors that are too small, or too far from 1 for a reciprocal.
      case 5: SignVote.Voter(factor: 1, voice: 0x1p-120, weight: 0x1p-120, share: 0x1p-120)
      default:
        SignVote.Voter(
          factor: 1, voice: weight, weight: weight, share: row % 2 == 0 ? weight : -weights[0])
      }
    }
  }

  static let votes = [
    SignVote(zeroIsPositive: true, lambda: 1, divides: true, leastDivisor: 1e-15),
    SignVote(zeroIsPositive: true, lambda: 0.7, divides: false, leastDivisor: 0),
    SignVote(zeroIsPositive: false, lambda: -1.3, divides: true, leastDivisor: 0),
  ]

  @Test(arguments: Content.allCases, 0...5)
  func `votes are counted as one element at a time`(_ content: Content, rows: Int) {
    for count in Self.counts {
      let tile = Self.tile(content, rows: rows + 1, count: count)
      for thinned in Self.thinnings(rows: rows, count: count) {
        for number in 0..<(count % 16 == 1 ? 7 : 3) {
          let voters = Self.voters(number, count: rows)
          let vote = Self.votes[(number + count) % 3]
          let expected = (0..<count).map { i in
            let base = tile[0][i]
            let changes = (0..<rows).map {
              Self.change(tile[$0 + 1][i], base, row: $0, at: i, count: count, thinned)
            }
            return Self.voted(changes, voters, vote, on: base)
          }
          RowArithmeticTests.expect(expected, from: Array(repeating: 5, count: count)) { out in
            vote.merge(
              tile.rows(1..<rows + 1), thinned, voters.span, on: tile[0], into: &out)
          }
        }
      }
    }
  }

  @Test(arguments: [Content.ordinary, .finite], 2...5)
  func `the majority of ordinary rows`(_ content: Content, rows: Int) {
    let vote = SignVote(zeroIsPositive: true, lambda: 1, divides: true, leastDivisor: 0)
    let weights = (0..<rows).map { [0.3, 0.5, 0.1, 0, 0.1][$0] }
    let voters = weights.map { SignVote.Voter(factor: 1, voice: 1, weight: $0, share: $0) }
    for count in Self.counts {
      let tile = Self.tile(content, rows: rows + 1, count: count)
      let selectors = (0..<count).map { Double($0 * 7 % 5) - 1 }
      for selects in [false, true] {
        let expected = (0..<count).map { i in
          let changes = (1...rows).map {
            selects && selectors[i] <= 0 ? 0 : tile[$0][i] - tile[0][i]
          }
          return Self.voted(changes, voters, vote, on: tile[0][i])
        }
        RowArithmeticTests.expect(expected, from: Array(repeating: 5, count: count)) { out in
          if selects {
            RowArithmetic.placeMajority(
              of: tile.rows(1..<rows + 1), times: weights.span, on: tile[0],
              selectedBy: selectors.span, into: &out)
          } else {
            RowArithmetic.placeMajority(
              of: tile.rows(1..<rows + 1), times: weights.span, on: tile[0], into: &out)
          }
        }
      }
    }
  }

  /// Quotients of whole numbers come close to the middle of two neighbours more often than others.
  @Test(arguments: [0.4, 0.1, 1 / 3, 0x1.fffffffffffffp0, 0x1.0000000000001p0, 7, 1e5] as [Double])
  func `quotients are those of a division`(share: Double) {
    let count = 4_096
    var random = SplitMix64(seed: 11)
    let vote = SignVote(zeroIsPositive: true, lambda: 1, divides: true, leastDivisor: 0)
    let voters = (0..<3).map {
      SignVote.Voter(factor: 1, voice: 1, weight: 1, share: share * Double(1 << $0) * 0.9)
    }
    for exponent in [0, 600, -600, 900, -900, -1_060] {
      var tile = Tile<Double>(rows: 4, capacity: count)
      for row in 1..<4 {
        var span = tile.mutableRow(row)
        for i in 0..<count {
          let whole = Double(Int.random(in: -(1 << 53)...(1 << 53), using: &random))
          span[i] = Double(sign: .plus, exponent: exponent - 53, significand: whole)
        }
      }
      let expected = (0..<count).map { i in
        Self.voted((1..<4).map { tile[$0][i] }, voters, vote, on: 0)
      }
      RowArithmeticTests.expect(expected, from: Array(repeating: 5, count: count)) { out in
        vote.merge(tile.rows(1..<4), .subtracted, voters.span, on: tile[0], into: &out)
      }
    }
  }
}
