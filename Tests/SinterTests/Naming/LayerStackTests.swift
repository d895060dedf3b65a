import Testing

@testable import Sinter

@Suite struct LayerStackTests {
  @Test func `layers lie between 0 and 1, those beyond the last at 1`() {
    let stack = LayerStack(prefix: "h.", count: 3, storedCount: 4, key: nil)
    #expect((0..<4).map { stack.fraction(ofLayer: $0) } == [0, 0.5, 1, 1])
    #expect(LayerStack(prefix: "h.", count: 1, storedCount: 1, key: nil).fraction(ofLayer: 0) == 1)
  }
}
