import Safetensors
import Sinter
import SinterTensors

/// What is told of the factors of a new adapter.
struct FactorText {
  let modules: [FactoredModule]

  /// How many modules there are, and of which rank.
  var count: String {
    "\(CountText.of(modules.count, "module")) of rank \(modules.rankText)"
  }

  /// Lines for the modules that fit worst, where there are many and one of them does not fit.
  ///
  /// - Parameter tolerance: the relative error up to which a module fits.
  /// - Returns: a heading and five lines, or nothing.
  func worst(beyond tolerance: Double) -> [String] {
    let worst = modules.sorted { $0.relativeError > $1.relativeError }.prefix(5)
    guard modules.count > 5, let first = worst.first, first.relativeError > tolerance else {
      return []
    }
    var table = TextTable()
    for module in worst {
      table.add([
        module.name, "rank \(module.rank)", "error \(AdapterText.percent(module.relativeError))",
      ])
    }
    return ["largest errors:"] + table.lines()
  }

  /// The member `modules` of a document.
  ///
  /// - Parameter countsUpdates: whether it says how many adapters change each.
  /// - Returns: an array of an object for each module.
  func document(countsUpdates: Bool) -> JSONText {
    .array(
      modules.map { module in
        .object(
          [
            ("name", .string(module.name)),
            ("shape", .array(module.shape.dimensions.map { .number($0) })),
          ] + (countsUpdates ? [("adapters", .number(module.updates))] : []) + [
            ("rank", .number(module.rank)), ("norm", .number(module.norm)),
            ("residual", .number(module.residual)),
            ("relative_error", .number(module.relativeError)),
          ])
      })
  }
}
