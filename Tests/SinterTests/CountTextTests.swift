import Testing

@testable import Sinter

@Suite struct CountTextTests {
  @Test(arguments: [
    (0, "0"), (999, "999"), (1000, "1.0K"), (1_250, "1.3K"), (999_949, "999.9K"),
    (999_950, "1.0M"), (1_186_400, "1.2M"), (7_615_616_512, "7.6B"), (999_950_000, "1.0B"),
    (70_553_706_496, "70.6B"), (1_000_000_000_000, "1.0T"), (.max, "9223.4Q"),
  ])
  func `numbers have one decimal and a unit`(count: Int, text: String) {
    #expect(CountText(count).description == text)
  }

  @Test func `nouns agree with their number`() {
    #expect(CountText.of(0, "model") == "0 models")
    #expect(CountText.of(1, "model") == "1 model")
    #expect(CountText.of(2, "model") == "2 models")
  }
}
