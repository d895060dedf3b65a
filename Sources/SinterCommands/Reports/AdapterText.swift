import Safetensors
import Sinter

/// What adapters did to the models of a merge, in few words.
enum AdapterText {
  /// One line for a model: how many updates were applied, and how much they change.
  static func line(_ outcome: AdapterOutcome) -> String {
    let change = outcome.relativeChange.map { ", relative change \(percent($0))" } ?? ""
    let rest = outcome.updates - outcome.applied
    let left = rest == 0 ? "" : "; \(rest) belong to what is not taken"
    return "applied \(outcome.applied) of \(CountText.of(outcome.updates, "update")) "
      + "to '\(outcome.model)'\(change)\(left)"
  }

  /// A share in percent with two digits that count.
  static func percent(_ share: Double) -> String {
    let value = share * 100
    guard value.isFinite, value > 0 else { return value == 0 ? "0 %" : "\(value) %" }
    var scale = 1.0
    while value * scale < 10, scale < 1e12 { scale *= 10 }
    let digits = (value * scale).rounded() / scale
    return (digits == digits.rounded() && digits < 1e15 ? "\(Int(digits))" : "\(digits)") + " %"
  }

  /// The member `adapters` of a document; none without adapters.
  static func members(_ outcomes: [AdapterOutcome]) -> [(key: String, value: JSONText)] {
    guard !outcomes.isEmpty else { return [] }
    let list = outcomes.map { outcome in
      JSONText.object([
        ("model", .number(outcome.input)), ("updates", .number(outcome.updates)),
        ("applied", .number(outcome.applied)),
        ("relative_change", outcome.relativeChange.map { JSONText(.number($0)) } ?? .null),
      ])
    }
    return [("adapters", .array(list))]
  }
}
