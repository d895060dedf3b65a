import Safetensors
import Testing

@Suite struct ByteCountTextTests {
  @Test(arguments: [
    (0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 KB"), (4096, "4.1 KB"), (1_949_999, "1.9 MB"),
    (1_950_000, "2.0 MB"), (5_000_000_000, "5.0 GB"), (Int.max, "9.2 EB"),
  ])
  func `sizes are rounded to one decimal`(_ byteCount: Int, _ text: String) {
    #expect(ByteCountText(byteCount).description == text)
  }

  @Test func `a part has the unit of its whole`() {
    #expect(ByteCountText(2048, of: 4096).description == "2.0 of 4.1 KB")
    #expect(ByteCountText(12, of: 999).description == "12 of 999 bytes")
    #expect(ByteCountText(1, of: 5_000_000_000).description == "0.0 of 5.0 GB")
  }
}
