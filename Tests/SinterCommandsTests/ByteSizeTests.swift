import Testing

@testable import SinterCommands

@Suite struct ByteSizeTests {
  @Test(arguments: [
    ("1", 1), ("4096", 4096), ("7B", 7), ("5GB", 5_000_000_000), ("5gb", 5_000_000_000),
    ("512MiB", 512 << 20), ("1KiB", 1024), ("1KB", 1000), ("2 MB", 2_000_000),
    ("3TB", 3_000_000_000_000),
    ("1TiB", 1 << 40), ("1.5GiB", 3 << 29), ("0.5MB", 500_000), ("1.25KB", 1250),
  ])
  func `sizes are read`(text: String, byteCount: Int) throws {
    #expect(try ByteSize(parsing: text).byteCount == byteCount)
  }

  @Test(arguments: [
    "", " ", "GB", "-1", "-5GB", "+5GB", "5 XB", "1.2.3GB", ".5GB", "5.GB", "1e9", "0x10", "5GBs",
    "٣GB", "1,5GB",
  ])
  func `what is no size is refused`(text: String) {
    let fault = #expect(throws: ByteSize.Fault.self) { try ByteSize(parsing: text) }
    #expect(
      fault?.description
        == "a size is a number with a unit, such as 512MiB or 5GB, or a number of bytes")
  }

  @Test(arguments: [
    ("5G", "write the unit in full: '5GB' or '5GiB'"),
    ("512m", "write the unit in full: '512MB' or '512MiB'"),
    ("0", "the size must be more than nothing"), ("0GB", "the size must be more than nothing"),
    ("0.1B", "the size must be more than nothing"),
    ("9300000000GB", "the size is too large"),
    (
      "9223372036854775807TiB",
      "a size is a number with a unit, such as 512MiB or 5GB, or a number of bytes"
    ),
  ])
  func `the fault says what to do`(text: String, message: String) {
    let fault = #expect(throws: ByteSize.Fault.self) { try ByteSize(parsing: text) }
    #expect(fault?.description == message)
  }

  @Test func `the largest size fits`() throws {
    #expect(try ByteSize(parsing: "8388607TiB").byteCount == 8_388_607 << 40)
    #expect(throws: ByteSize.Fault.self) { try ByteSize(parsing: "8388608TiB") }
  }
}
