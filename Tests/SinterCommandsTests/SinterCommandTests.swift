import SinterCommands
import Testing

@Suite struct SinterCommandTests {
  @Test func `the program is called sinter`() {
    #expect(SinterCommand.configuration.commandName == "sinter")
  }
}
