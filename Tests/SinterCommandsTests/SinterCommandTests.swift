import Sinter
import Testing

@Suite struct SinterCommandTests {
  @Test func `a version has three parts`() {
    #expect(SinterVersion.current.split(separator: ".").count == 3)
  }
}
