import Safetensors
import Testing

@testable import SinterCommands

@Suite struct ProgressLineTests {
  private func line(
    done: Int = 183, read: Int = 3_100_000_000, written: Int = 620_000_000,
    of total: Int = 1_000_000_000, seconds: Double = 2.657
  ) -> ProgressLine {
    ProgressLine(
      tensorsDone: done, tensors: 291, bytesRead: read, bytesWritten: written,
      bytesToWrite: total, seconds: seconds)
  }

  @Test func `a line tells percent, tensors, speed and time left`() {
    #expect(line().text() == "merging   62%  183/291 tensors  1.4 GB/s  2 s left")
  }

  @Test func `percentages are aligned and never rounded up`() {
    #expect(line(written: 0).text().hasPrefix("merging    0%"))
    #expect(line(written: 999_999_999).text().hasPrefix("merging   99%"))
    #expect(line(written: 1_000_000_000).text().hasPrefix("merging  100%"))
  }

  @Test func `a narrow terminal loses the end, never half a part`() {
    let whole = line().text()
    let parts = ["merging   62%", "183/291 tensors", "1.4 GB/s", "2 s left"]
    for width in 0...whole.count {
      let text = line().text(width: width)
      #expect(text.count <= width)
      #expect((0...4).map { parts[..<$0].joined(separator: "  ") }.contains(text))
    }
    #expect(line().text(width: whole.count) == whole)
    #expect(line().text(width: whole.count - 1) == "merging   62%  183/291 tensors  1.4 GB/s")
  }

  @Test func `no time left is told before there is something to go by`() {
    #expect(line(seconds: 0.4).secondsLeft == nil)
    #expect(line(written: 0).secondsLeft == nil)
    #expect(line(written: 500_000_000, seconds: 4).secondsLeft == 4)
    #expect(line(written: 1_000_000_000, seconds: 4).secondsLeft == 0)
    #expect(line(done: 0, read: 0, written: 0, seconds: 0).text() == "merging    0%  0/291 tensors")
  }

  @Test func `nothing to write is done when all tensors are`() {
    #expect(line(done: 290, written: 0, of: 0).fraction == 0)
    #expect(line(done: 291, written: 0, of: 0).fraction == 1)
  }

  @Test(arguments: [
    (0.0, "0 s"), (0.2, "1 s"), (59, "59 s"), (59.5, "1 min 0 s"), (125, "2 min 5 s"),
    (3599, "59 min 59 s"), (3600, "1 h 0 min"), (7320, "2 h 2 min"),
  ])
  func `durations have two units`(seconds: Double, text: String) {
    #expect(ProgressLine.duration(seconds) == text)
  }

  @Test func `programs get the numbers`() {
    #expect(
      String(decoding: line().json.encoded(.compact), as: UTF8.self) == """
        {"type":"progress","tensors_done":183,"tensors":291,"bytes_read":3100000000,\
        "bytes_written":620000000,"bytes_to_write":1000000000,"seconds":2.657,"seconds_left":2.0}
        """)
  }
}
