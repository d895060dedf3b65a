import Sinter
import Testing

/// A faulty recipe and the exact text of its faults.
struct BadRecipe: Sendable, CustomTestStringConvertible {
  let name: String
  let text: String
  let faults: String

  init(_ name: String, _ text: String, gives faults: String) {
    self.name = name
    self.text = text
    self.faults = faults
  }

  var testDescription: String { name }

  /// What reading the recipe says.
  func read() -> String {
    do throws(DiagnosticError) {
      _ = try MergeRecipe.read(text: text, file: "r.yml", methods: SampleMethods.all)
      return "no fault"
    } catch {
      return error.description
    }
  }
}
