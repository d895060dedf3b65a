import SinterTensors
import Testing

@testable import Sinter

@Suite struct ChangeMeterTests {
  /// Parts of eight elements whose sums depend on the order in which they are added.
  private static let parts = (0..<200).map { number in
    let random = CounterRandom(seed: 3, stream: UInt64(number))
    var part = ChangeTally.Sums()
    let before = (0..<8).map { Double(random.uniform32(at: $0)) * 0x1p-20 }
    let after = before.enumerated().map { $1 + 1 / (Double($0 + number) + 0.1) }
    part.add(before.span, after.span)
    return part
  }

  @Test func `sums do not depend on the order in which parts come`() {
    let inOrder = ChangeTally(elementCount: 1_600)
    for (number, part) in Self.parts.enumerated() { inOrder.add(part, from: 8 * number) }
    #expect(inOrder.isComplete)
    var orders = [Array(Self.parts.indices.reversed())]
    for seed in 0..<20 {
      let random = CounterRandom(seed: UInt64(seed), stream: 0)
      orders.append(
        Self.parts.indices.sorted { random.uniform32(at: $0) < random.uniform32(at: $1) })
    }
    for order in orders {
      let tally = ChangeTally(elementCount: 1_600)
      for number in order {
        #expect(!tally.isComplete)
        tally.add(Self.parts[number], from: 8 * number)
      }
      #expect(tally.isComplete)
      #expect(tally.sums.change == inOrder.sums.change)
      #expect(tally.sums.values == inOrder.sums.values)
    }
  }

  @Test func `a further pass is not counted`() {
    let tally = ChangeTally(elementCount: 16)
    tally.add(Self.parts[0], from: 0)
    tally.add(Self.parts[5], from: 0)
    tally.add(Self.parts[1], from: 8)
    tally.add(Self.parts[5], from: 8)
    #expect(tally.isComplete)
    #expect(tally.sums.change == Self.parts[0].change + Self.parts[1].change)
    #expect(tally.sums.elements == 16)
  }
}
