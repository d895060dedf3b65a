import Testing

@testable import SinterTensors

@Suite struct MagnitudeThresholdTests {
  static func applied(
    _ threshold: MagnitudeThreshold, to values: [Double], ties: TieQuota
  ) -> [Double] {
    var values = values
    var span = values.mutableSpan
    threshold.apply(to: &span, ties: ties)
    return values
  }

  @Test func quotasDecideAboutEquals() {
    let values: [Double] = [2, 1, -2, 3, -1, 2, -3]
    let threshold = MagnitudeThreshold(magnitude: 2, ties: .first(2))
    #expect(Self.applied(threshold, to: values, ties: .none) == [0, 0, 0, 3, 0, 0, -3])
    #expect(Self.applied(threshold, to: values, ties: .all) == [2, 0, -2, 3, 0, 2, -3])
    #expect(Self.applied(threshold, to: values, ties: .first(1)) == [2, 0, 0, 3, 0, 0, -3])
    #expect(Self.applied(threshold, to: values, ties: .first(2)) == [2, 0, -2, 3, 0, 0, -3])
  }

  @Test(arguments: Array(0...33) + [1_021])
  func likeOneElementAtATime(count: Int) {
    var random = SplitMix64(seed: UInt64(count))
    let threshold = MagnitudeThreshold(magnitude: 2, ties: .all)
    let values = (0..<count).map { _ in Double(Int.random(in: -4...4, using: &random)) }
    let above = values.map { $0.magnitude > 2 ? $0 : 0 }
    let fromTwo = values.map { $0.magnitude >= 2 ? $0 : 0 }
    #expect(Self.applied(threshold, to: values, ties: .none) == above)
    #expect(Self.applied(threshold, to: values, ties: .all) == fromTwo)
    let ties = values.count { $0.magnitude == 2 }
    for quota in 1...(ties + 1) {
      var left = quota
      let expected = values.map { value in
        if value.magnitude != 2 { return value.magnitude > 2 ? value : 0 }
        left -= 1
        return left >= 0 ? value : 0
      }
      #expect(Self.applied(threshold, to: values, ties: .first(quota)) == expected)
    }
  }

  @Test func nanIsNeverDropped() {
    let values: [Double] = [.nan, 0, -.nan, 1]
    for ties in [TieQuota.none, .all, .first(1)] {
      for magnitude in [0.5, .infinity] {
        let threshold = MagnitudeThreshold(magnitude: magnitude, ties: ties)
        let result = Self.applied(threshold, to: values, ties: ties)
        #expect(result.map(\.isNaN) == [true, false, true, false])
      }
    }
  }

  @Test(arguments: [TieQuota.none, .all, .first(1), .first(3)])
  func removingLeavesWhatKeepingDrops(quota: TieQuota) {
    var random = SplitMix64(seed: 6)
    let values = (0..<97).map { _ in Double(Int.random(in: -4...4, using: &random)) }
    for magnitude in [0, 1, 2, 4, Double.infinity] {
      let threshold = MagnitudeThreshold(magnitude: magnitude, ties: quota)
      var left = values
      var span = left.mutableSpan
      threshold.remove(from: &span, ties: quota)
      let kept = Self.applied(threshold, to: values, ties: quota)
      #expect(zip(left, kept).map { $0 + $1 } == values)
      #expect(zip(left, kept).allSatisfy { $0 == 0 || $1 == 0 })
    }
  }

  @Test func removingLeavesNaN() {
    var values = [Double.nan, 3, -3, 1]
    var span = values.mutableSpan
    MagnitudeThreshold(magnitude: 2, ties: .all).remove(from: &span, ties: .all)
    #expect(values[0].isNaN)
    #expect(Array(values.dropFirst()) == [0, 0, 1])
  }
}
