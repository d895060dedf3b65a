import Testing

@testable import SinterTensors

/// Merges of task vectors, and what surveys find, of rows as they are stored: every bit that the same
/// gives of widened rows, which have tests of their own.
@Suite struct StoredTaskVectorsTests {
  typealias Content = RowSumTests.Content

  static let lengths = Array(1...33) + [100, 127, 129, 1_024, 1_500]

  /// Rows of BF16, and the same widened.
  struct Sample: ~Copyable {
    let elements: [UInt16]
    let length: Int
    let count: Int
    var tile: Tile<Double>

    init(_ content: Content, count: Int, length: Int, seed: UInt64) {
      self.init(RowSumTests.rows(content, count: count, length: length, seed: seed))
    }

    init(_ rows: [[UInt16]]) {
      (elements, length, count) = (rows.flatMap(\.self), rows[0].count, rows.count)
      tile = Tile<Double>(rows: rows.count, capacity: rows[0].count)
      for (number, row) in rows.enumerated() {
        var span = tile.mutableRow(number)
        for i in row.indices { span[i] = RowSumTests.value(row[i]) }
      }
    }

    /// Calls a merge of stored rows at each level, and compares with a merge of widened ones.
    func expect(
      _ name: String, _ widened: (borrowing Tile<Double>, inout MutableSpan<Double>) -> Void,
      _ stored: (borrowing StoredRows, inout MutableSpan<UInt16>) -> Bool
    ) {
      var values = [Double](repeating: 0, count: length)
      var span = values.mutableSpan
      widened(tile, &span)
      let expected = RowSumTests.rounded(values)
      let isFinite =
        expected.nonFinite == 0 && elements.allSatisfy { RowSumTests.value($0).isFinite }
      for level in KernelLevel.available {
        var bits = [UInt16](repeating: 7, count: length + 2)
        let isDone = KernelLevel.with(level) {
          let rows = StoredRows(elements.span, count: count, length: length, stride: length)
          var out = bits.mutableSpan
          return stored(rows, &out)
        }
        #expect(isDone == isFinite, "\(level), \(name)")
        guard isDone, isFinite else { continue }
        let place = (0..<length).first { bits[$0 + 1] != expected.bits[$0] }
        #expect(
          place == nil,
          "\(level), \(name): \(place.map { i in (0..<count).map { tile[$0][i] } } as Any)")
        #expect(bits[0] == 7 && bits[length + 1] == 7, "nothing else is written")
      }
    }
  }

  /// Thinnings whose bounds some differences equal.
  static func thinnings(_ sample: borrowing Sample, seed: UInt64) -> [ThinnedRows] {
    var random = SplitMix64(seed: seed)
    let rows = sample.count - 1
    func magnitude(_ row: Int) -> Double {
      let i = Int.random(in: 0..<sample.length, using: &random)
      return (sample.tile[row + 1][i] - sample.tile[0][i]).magnitude
    }
    func low(_ row: Int) -> Double {
      switch Int.random(in: 0..<6, using: &random) {
      case 0: .nan
      case 1: 0
      case 2: magnitude(row).nextDown
      case 3: magnitude(row) * 0.99
      default: magnitude(row)
      }
    }
    func high(_ row: Int) -> Double {
      switch Int.random(in: 0..<5, using: &random) {
      case 0: .nan
      case 1: magnitude(row).nextUp
      case 2: .infinity
      default: magnitude(row) * 2
      }
    }
    let marks = (0..<rows * RowArithmetic.markCount(sample.length)).map { _ in
      UInt16.random(in: 0...(.max), using: &random)
    }
    return [
      .bounded((0..<rows).map { MagnitudeBounds(low: low($0)) }),
      .bounded((0..<rows).map { MagnitudeBounds(low: low($0), high: high($0)) }),
      .marked(marks),
    ]
  }

  @Test(arguments: Content.allCases, 1...5)
  func `task vectors are added`(content: Content, rows: Int) {
    let sets: [[Double]] = [
      [0.3, 0.7, -0.2, 0.4, 1.1], [0.5, 0.5, 0.25, 1, 2], [0.4 * 1.93, 0.4 * 2.07, 0.8, 0.1, 0.2],
      [1e-60, 1, 1, 1, 1], [0, 0.3, 0, 0, 0],
    ]
    for length in Self.lengths {
      let sample = Sample(content, count: rows + 1, length: length, seed: UInt64(length))
      for thinned in Self.thinnings(sample, seed: UInt64(rows)) {
        for set in sets {
          let coefficients = Array(set.prefix(rows))
          sample.expect("\(content), \(length) elements, \(coefficients)") { tile, out in
            RowArithmetic.place(
              tile.rows(1..<rows + 1), thinned, times: coefficients.span, on: tile[0], into: &out)
          } _: { stored, out in
            RowArithmetic.place(
              stored, thinned, times: coefficients.span, into: &out, from: 1)
          }
        }
      }
    }
  }

  static let votes: [(vote: SignVote, voters: [SignVote.Voter])] = {
    func voters(_ weights: [Double], factor: Double, voice: Double?) -> [SignVote.Voter] {
      weights.map { SignVote.Voter(factor: factor, voice: voice ?? $0, weight: $0, share: $0) }
    }
    let plain = SignVote(zeroIsPositive: true, lambda: 1, divides: true, leastDivisor: 1e-15)
    let sum = SignVote(zeroIsPositive: true, lambda: 0.7, divides: false, leastDivisor: 0)
    let paper = SignVote(zeroIsPositive: false, lambda: 1, divides: true, leastDivisor: 0)
    return [
      (plain, voters([0.4, 0.4, 0.4, 0.4, 0.4], factor: 1, voice: nil)),
      (plain, voters([1, 1, 1, 1, 1], factor: 1, voice: nil)),
      (plain, voters([0.3, -0.2, 0.9, 0.5, 0], factor: 1.9, voice: nil)),
      (sum, voters([0.4, 0.3, 0.2, 0.1, 0.6], factor: 2.1, voice: nil)),
      (paper, voters([0.4, 0.6, 0.7, 1, 1], factor: 1, voice: 1)),
    ]
  }()

  @Test(arguments: Content.allCases, 1...5)
  func `votes are counted`(content: Content, rows: Int) {
    for length in Self.lengths {
      let sample = Sample(content, count: rows + 1, length: length, seed: UInt64(length) + 50)
      for thinned in Self.thinnings(sample, seed: UInt64(rows) + 9) {
        for (vote, all) in Self.votes {
          let voters = Array(all.prefix(rows))
          sample.expect("\(content), \(length) elements, \(vote), \(voters)") { tile, out in
            vote.merge(tile.rows(1..<rows + 1), thinned, voters.span, on: tile[0], into: &out)
          } _: { stored, out in
            vote.merge(stored, thinned, voters.span, into: &out, from: 1)
          }
        }
      }
    }
  }

  /// Differences that no float can hold, on both sides of an upper bound that none can hold either.
  @Test func `bounds and differences beyond the range of floats`() {
    let large = RowSumTests.rounded([3.3e38, -3.3e38, 3e38, -1.5e38, 1e38]).bits
    var rows = [[UInt16]](repeating: [UInt16](repeating: 0x3f80, count: 32), count: 3)
    (rows[1][0], rows[0][0]) = (large[0], large[1])
    (rows[1][20], rows[0][20]) = (large[2], large[3])
    let sample = Sample(rows)
    let difference = sample.tile[1][0] - sample.tile[0][0]
    let coefficients = [0.3, 0.3]
    for high in [difference, difference.nextUp, 4e38, 0x1p128, .infinity] {
      let thinned = ThinnedRows.bounded([
        MagnitudeBounds(low: 0, high: high), MagnitudeBounds(low: 0.5),
      ])
      sample.expect("below \(high)") { tile, out in
        RowArithmetic.place(
          tile.rows(1..<3), thinned, times: coefficients.span, on: tile[0], into: &out)
      } _: { stored, out in
        RowArithmetic.place(stored, thinned, times: coefficients.span, into: &out, from: 1)
      }
    }
  }

  @Test(arguments: [UInt16(0x7f80), 0xff80, 0x7fc0])
  func `numbers that are not finite are left, dropped or not`(bits: UInt16) {
    for row in 0..<3 {
      for place in [0, 15, 16, 36] {
        var rows = RowSumTests.rows(.ordinary, count: 3, length: 37, seed: 3)
        rows[row][place] = bits
        let sample = Sample(rows)
        let bounds = MagnitudeBounds(low: 0.01, high: 0.02)
        for thinned in [
          ThinnedRows.bounded([bounds, bounds]), .marked([0, 0, 0, 0, 0, 0]),
        ] {
          let (vote, voters) = (Self.votes[0].vote, Array(Self.votes[0].voters.prefix(2)))
          let coefficients = [0.3, 0.4]
          for level in KernelLevel.available {
            KernelLevel.with(level) {
              let stored = StoredRows(sample.elements.span, count: 3, length: 37, stride: 37)
              var out = [UInt16](repeating: 0, count: 37)
              var target = out.mutableSpan
              #expect(!vote.merge(stored, thinned, voters.span, into: &target))
              #expect(
                !RowArithmetic.place(stored, thinned, times: coefficients.span, into: &target))
            }
          }
        }
      }
    }
  }

  @Test(arguments: Content.allCases)
  func `sums and marks of what is kept at random`(content: Content) {
    let random = CounterRandom(seed: 5, stream: 11)
    for length in Self.lengths + [4_096] {
      let sample = Sample(content, count: 3, length: length, seed: UInt64(length) + 70)
      for (start, density) in [(0, 0.5), (4_096, 0.1), (8, 0.0), (1 << 33, 0.999)] {
        let threshold = CounterRandom.threshold(for: density)
        let count = RowArithmetic.markCount(length)
        var expected = [UInt16](repeating: 0, count: count + 1)
        var marks = expected.mutableSpan
        let sums = random.sumsOfAbsolutes(
          sample.tile[2], minus: sample.tile[0], from: start, keepingBelow: threshold,
          marking: &marks, from: 1)
        for level in KernelLevel.available {
          KernelLevel.with(level) {
            let stored = StoredRows(
              sample.elements.span, count: 3, length: length, stride: length)
            var found = [UInt16](repeating: 0, count: count + 1)
            var marks = found.mutableSpan
            let own = random.sumsOfAbsolutes(
              stored, row: 2, from: start, keepingBelow: threshold, marking: &marks, from: 1)
            #expect(own?.all == sums.all && own?.kept == sums.kept, "\(level), \(length)")
            #expect(found == expected)
          }
        }
      }
    }
  }

  @Test func `sums at random that are not made for it, or not finite`() {
    let random = CounterRandom(seed: 5, stream: 11)
    let half = CounterRandom.threshold(for: 0.5)
    var rows = RowSumTests.rows(.ordinary, count: 2, length: 40, seed: 1)
    var marks = [UInt16](repeating: 0, count: 3)
    var target = marks.mutableSpan
    func sums(_ index: Int, _ threshold: UInt64, _ target: inout MutableSpan<UInt16>) -> Bool {
      let elements = rows.flatMap(\.self)
      let stored = StoredRows(elements.span, count: 2, length: 40, stride: 40)
      return random.sumsOfAbsolutes(
        stored, row: 1, from: index, keepingBelow: threshold, marking: &target) != nil
    }
    #expect(sums(4, half, &target))
    #expect(!sums(3, half, &target))
    #expect(!sums(4, CounterRandom.threshold(for: 1), &target))
    rows[0][39] = 0x7fc0
    #expect(!sums(4, half, &target))
  }
}
