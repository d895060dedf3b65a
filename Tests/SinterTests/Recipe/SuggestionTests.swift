import Sinter
import Testing

struct SuggestionTests {
  @Test(arguments: [
    ("densty", "density"), ("lamda", "lambda"), ("wieght", "weight"), ("dare-ties", "dare_ties"),
    ("WEIGHT", "weight"), ("weights", "weight"), ("dtpye", "dtype"), ("Normalise", "normalize"),
  ])
  func `a slip of the pen is found`(written: String, meant: String) {
    let names = ["weight", "density", "lambda", "normalize", "dare_ties", "dtype", "t"]
    #expect(Suggestion.nearest(to: written, in: names) == meant)
  }

  @Test(arguments: ["colour", "x", "", "tt", "epsilon", "parameters"])
  func `a different word is not`(written: String) {
    let names = ["weight", "density", "lambda", "t"]
    #expect(Suggestion.nearest(to: written, in: names) == nil)
  }

  @Test func `the nearer name wins, and the first of equals`() {
    #expect(Suggestion.nearest(to: "modl", in: ["models", "model"]) == "model")
    #expect(Suggestion.nearest(to: "modelx", in: ["models", "modely"]) == "models")
  }

  @Test func `without a near name all are told`() {
    #expect(
      Suggestion.hint(for: "abc", in: ["one", "two"], others: "the names are")
        == "the names are: one, two")
    #expect(Suggestion.hint(for: "abc", in: [], others: "the names are") == nil)
  }
}
