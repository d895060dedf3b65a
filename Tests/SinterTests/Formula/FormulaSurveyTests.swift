import SinterTensors
import Testing

@testable import Sinter

@Suite struct FormulaSurveyTests {
  private func byteCount(_ text: String) throws -> Int {
    FormulaSurvey.byteCount(
      try Formula(text, models: ["a", "b"], hasBase: false, parameters: []))
  }

  @Test func `a partial result holds the passes of four quantiles at most`() throws {
    let quantiles = (1...6).map { "quantile(a, 0.\($0))" }
    #expect(try byteCount("a + b") == 0)
    #expect(try byteCount("a / norm(b)") == 0)
    for count in quantiles.indices {
      let text = "b * (" + quantiles[...count].joined(separator: " + ") + ")"
      #expect(try byteCount(text) == min(count + 1, 4) * OrderStatistic.passByteCount)
    }
  }
}
