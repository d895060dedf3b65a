import Testing

@testable import SinterCommands

@Suite struct TextTableTests {
  @Test func `columns are aligned and nothing trails`() {
    var table = TextTable()
    table.add(["a", "bb", "", "d"])
    table.add(["aaaa", "b", "", ""])
    table.add(["aa", "", "", "dd"])
    table.add(["a"])
    #expect(
      table.lines() == ["  a     bb  d", "  aaaa  b", "  aa        dd", "  a"])
    #expect(TextTable().lines().isEmpty)
  }

  @Test func `a line feed in a name does not make a line`() {
    var table = TextTable()
    table.add(["a\nb", "c"])
    #expect(table.lines(indentation: 0) == [#"a\u{a}b  c"#])
  }
}
