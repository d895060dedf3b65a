import Sinter
import Testing

@testable import SinterCommands

@Suite struct ConsoleTests {
  private let diagnostic = Diagnostic(
    .error, file: "error: .yml", at: SourcePosition(line: 4, column: 2), "error: twice",
    hint: "mend it")

  private func console(_ environment: [String: String], isTerminal: Bool = true) -> Console {
    Console(environment: environment, isTerminal: isTerminal)
  }

  @Test func `a terminal shows the severity in colour, and only that`() {
    let console = console(["TERM": "xterm"])
    #expect(console.hasColour)
    #expect(
      console.text(of: diagnostic)
        == "error: .yml:4:2: \u{1B}[1;31merror: \u{1B}[0merror: twice\nhint: mend it")
    #expect(
      console.text(of: Diagnostic(.warning, "careful")) == "\u{1B}[1;33mwarning: \u{1B}[0mcareful")
  }

  @Test func `no colour where it is not wanted or not shown`() {
    #expect(!console(["TERM": "xterm", "NO_COLOR": "1"]).hasColour)
    #expect(console(["TERM": "xterm", "NO_COLOR": ""]).hasColour)
    #expect(!console(["TERM": "dumb"]).hasColour)
    #expect(!console([:]).hasColour)
    #expect(!console(["TERM": "xterm"], isTerminal: false).hasColour)
    #expect(
      console(["TERM": "xterm", "NO_COLOR": "1"]).text(of: diagnostic) == diagnostic.description)
  }

  @Test func `a line is redrawn on a terminal that can`() {
    #expect(console(["TERM": "xterm", "NO_COLOR": "1"]).isTerminal)
    #expect(!console(["TERM": "dumb"]).isTerminal)
  }

  @Test func `names cannot steer the terminal`() {
    let hostile = Diagnostic(.error, "tensor '\u{1B}]0;x\u{7}\u{202E}'")
    #expect(
      console([:]).text(of: hostile) == #"error: tensor '\u{1b}]0;x\u{7}\u{202e}'"#)
  }
}
