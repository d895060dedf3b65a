import Sinter
import Testing

struct RecipeScalarTests {
  @Test(
    arguments: [
      ("0", 0), ("-0.5", -0.5), ("1e-5", 1e-5), ("5e-1", 0.5), ("+.5", 0.5), (".5", 0.5),
      ("1.", 1), ("1_000", 1000), ("1_000.2_5", 1000.25), ("00.5", 0.5), ("1E+3", 1000),
      ("0.1", 0.1), ("1e999", .infinity), (".inf", .infinity), ("-.Inf", -.infinity),
    ] as [(String, Double)])
  func `decimal numbers are read, in quotes or not`(text: String, number: Double) {
    #expect(RecipeScalar(text).number == number)
    #expect(RecipeScalar(text, isQuoted: true).number == number)
  }

  @Test(arguments: [
    "", "x", "1x", "0x10", "0b1", "0o7", "1:30", "_1", "1_", "1_.5", ".", "e5", "1e", "+", "- 1",
    "1 ", "true", "٣",
  ])
  func `everything else is no number`(text: String) {
    #expect(RecipeScalar(text).number == nil)
    #expect(RecipeScalar(text, isQuoted: true).number == nil)
    #expect(RecipeScalar(text).integer == nil)
  }

  @Test func `octal to YAML, decimal to people`() {
    #expect(RecipeScalar("010").number == nil)
    #expect(RecipeScalar("-010").integer == nil)
    #expect(RecipeScalar("010", isQuoted: true).integer == 10)
    #expect(RecipeScalar(".nan").number?.isNaN == true)
  }

  @Test(arguments: [
    ("4", 4), ("+4", 4), ("-4", -4), ("4.0", 4), ("1e3", 1000), ("1_000", 1000),
    ("9223372036854775807", Int.max),
  ])
  func `whole numbers may look like fractions`(text: String, integer: Int) {
    #expect(RecipeScalar(text).integer == integer)
  }

  @Test(arguments: ["4.5", "9223372036854775808", "1e30", ".inf", ".nan"])
  func `other numbers are not whole`(text: String) {
    #expect(RecipeScalar(text).integer == nil)
  }

  @Test func `Booleans in all spellings`() {
    for text in ["true", "True", "YES", "on", "y", "T", "1", "1.0"] {
      #expect(RecipeScalar(text).boolean == true)
      #expect(RecipeScalar(text, isQuoted: true).boolean == true)
    }
    for text in ["false", "FALSE", "No", "oFF", "n", "f", "0", "0.0"] {
      #expect(RecipeScalar(text).boolean == false)
    }
    for text in ["", "2", "maybe", "null", "truee"] {
      #expect(RecipeScalar(text).boolean == nil)
    }
  }

  @Test func `only plain text is null`() {
    for text in ["", "~", "null", "Null", "NULL"] {
      #expect(RecipeScalar(text).isNull)
      #expect(!RecipeScalar(text, isQuoted: true).isNull)
    }
    #expect(!RecipeScalar("nil").isNull)
  }
}
