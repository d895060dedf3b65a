import Safetensors
import Testing

@testable import SinterCommands

@Suite struct ModuleProgressLineTests {
  private func line(done: Int = 61, of modules: Int? = 154, seconds: Double = 4)
    -> ModuleProgressLine
  {
    ModuleProgressLine(
      activity: "extracting", modulesDone: done, modules: modules, bytesRead: 6_000_000_000,
      seconds: seconds)
  }

  @Test func `a line tells percent, modules and time left`() {
    #expect(line().text() == "extracting   39%  61/154 modules  7 s left")
    #expect(line(done: 154).text() == "extracting  100%  154/154 modules  0 s left")
    #expect(line(done: 0).text() == "extracting    0%  0/154 modules")
    #expect(line(seconds: 0.3).text() == "extracting   39%  61/154 modules")
    #expect(line().text(width: 30) == "extracting   39%")
  }

  @Test func `before modules are known models are compared`() {
    #expect(line(done: 0, of: nil).text() == "comparing  1.5 GB/s")
    #expect(line(done: 0, of: nil, seconds: 0).text() == "comparing")
    #expect(line(done: 0, of: 0).fraction == 1)
  }

  @Test func `programs get the numbers`() {
    #expect(
      String(decoding: line().json.encoded(.compact), as: UTF8.self) == """
        {"type":"progress","modules_done":61,"modules":154,"bytes_read":6000000000,"seconds":4.0,\
        "seconds_left":6.0}
        """)
    #expect(
      String(decoding: line(done: 0, of: nil).json.encoded(.compact), as: UTF8.self).contains(
        #""modules":null"#))
  }
}
