import SinterTensors
import Testing

@Suite struct KernelLevelTests {
  @Test func `every machine has the baseline, and what lies below its best`() {
    let levels = KernelLevel.available
    #expect(levels.first == .baseline)
    #expect(levels == Array(KernelLevel.allCases.prefix(levels.count)))
  }
}
