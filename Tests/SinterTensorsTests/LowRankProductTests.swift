import SinterTensors
import Testing

@Suite struct LowRankProductTests {
  /// The definition, one element at a time.
  private func reference(
    _ left: [Double], _ right: [Double], start: Int, stride: Int, factor: Double,
    factors: [Double], row: [Double], range: Range<Int>
  ) -> [Double] {
    var result = row
    for (j, place) in range.enumerated() {
      var sum = 0.0
      for (k, number) in left.enumerated() { sum += number * right[start + k * stride + j] }
      result[place] += (factor + (factors.isEmpty ? 0 : factors[j])) * sum
    }
    return result
  }

  @Test func `every level gives the bits of the definition`() {
    var random = SplitMix64(seed: 11)
    for level in KernelLevel.available {
      for count in Array(0...70) + [127, 130, 300] {
        let rank = Int.random(in: 0...20, using: &random)
        let (before, stride) = (Int.random(in: 0...3, using: &random), count + 5)
        let left = (0..<rank).map { _ in Float.random(in: -1...1, using: &random) }
        let right = (0..<rank * stride + 5).map { _ in Float.random(in: -1...1, using: &random) }
        let row = (0..<count + 4).map { _ in Double.random(in: -1...1, using: &random) }
        let factors =
          count % 2 == 0 ? [] : (0..<count).map { _ in Double.random(in: -1...1, using: &random) }
        let range = 2..<2 + count
        let (wideLeft, wideRight) = (left.map(Double.init), right.map(Double.init))
        var single = row
        var double = row
        KernelLevel.with(level) {
          add(left, right, from: before, stride: stride, factors, to: &single, range)
          add(wideLeft, wideRight, from: before, stride: stride, factors, to: &double, range)
        }
        let exact = reference(
          wideLeft, wideRight, start: before, stride: stride,
          factor: 0.7, factors: factors, row: row, range: range)
        #expect(single == exact, "\(level), \(count) elements, rank \(rank)")
        #expect(double == exact, "\(level), \(count) elements, rank \(rank)")
      }
    }
  }

  @Test func `several rows at once are the rows one by one`() {
    var random = SplitMix64(seed: 12)
    for level in KernelLevel.available {
      for (rows, count) in [(0, 5), (2, 0), (2, 33), (3, 1), (4, 64), (5, 31), (6, 90), (7, 130)] {
        let rank = Int.random(in: 1...20, using: &random)
        let stride = count + Int.random(in: 0...9, using: &random)
        let left = (0..<rows * rank).map { _ in Float.random(in: -1...1, using: &random) }
        let right = (0..<rank * stride + 5).map { _ in Float.random(in: -1...1, using: &random) }
        let elements = (0..<rows * stride + 3).map { _ in Double.random(in: -1...1, using: &random)
        }
        let factors =
          rows % 2 == 0 ? [] : (0..<count).map { _ in Double.random(in: -1...1, using: &random) }
        var expected = elements
        for row in 0..<rows {
          expected = reference(
            left[row * rank..<(row + 1) * rank].map(Double.init), right.map(Double.init), start: 1,
            stride: stride, factor: 0.7, factors: factors, row: expected,
            range: 2 + row * stride..<2 + row * stride + count)
        }
        let target = LowRankTarget(rows: rows, 2..<2 + count, stride: stride)
        let (wideLeft, wideRight) = (left.map(Double.init), right.map(Double.init))
        var (single, double) = (elements, elements)
        KernelLevel.with(level) {
          var span = single.mutableSpan
          LowRankProduct.add(
            left.span, rank: rank, right.span, from: 1, stride: stride, times: 0.7, factors.span,
            to: &span, target)
          var wide = double.mutableSpan
          LowRankProduct.add(
            wideLeft.span, rank: rank, wideRight.span, from: 1, stride: stride, times: 0.7,
            factors.span, to: &wide, target)
        }
        var apart = elements.map { $0 + 9 }
        KernelLevel.with(level) {
          var span = apart.mutableSpan
          LowRankProduct.add(
            left.span, rank: rank, right.span, from: 1, stride: stride, times: 0.7, factors.span,
            on: elements.span, to: &span, target)
        }
        for row in 0..<rows {
          let own = 2 + row * stride..<2 + row * stride + count
          #expect(apart[own] == expected[own])
        }
        #expect(single == expected, "\(level), \(rows) x \(count), rank \(rank)")
        #expect(double == expected, "\(level), \(rows) x \(count), rank \(rank)")
      }
    }
  }

  private func add(
    _ left: [Float], _ right: [Float], from start: Int, stride: Int, _ factors: [Double],
    to row: inout [Double], _ range: Range<Int>
  ) {
    var span = row.mutableSpan
    LowRankProduct.add(
      left.span, right.span, from: start, stride: stride, times: 0.7, factors.span, to: &span,
      range)
  }

  private func add(
    _ left: [Double], _ right: [Double], from start: Int, stride: Int, _ factors: [Double],
    to row: inout [Double], _ range: Range<Int>
  ) {
    var span = row.mutableSpan
    LowRankProduct.add(
      left.span, right.span, from: start, stride: stride, times: 0.7, factors.span, to: &span,
      range)
  }
}
