/// Numbers of things as people read them: `999`, `1.2K`, `7.6B`.
package struct CountText: CustomStringConvertible {
  private static let units = ["", "K", "M", "B", "T", "Q"]

  /// The number with its unit.
  package let description: String

  /// Writes a number.
  ///
  /// - Parameter count: the number, at least 0.
  package init(_ count: Int) {
    guard count >= 1000 else {
      description = "\(count)"
      return
    }
    var unit = 1
    var step = 1000
    // The next unit is taken from where one decimal would be rounded up to a thousand.
    while unit < Self.units.count - 1, count / step >= 999, count - step * 999 >= step * 19 / 20 {
      step *= 1000
      unit += 1
    }
    let tenth = step / 10
    let tenths = count / tenth + (count % tenth * 2 >= tenth ? 1 : 0)
    description = "\(tenths / 10).\(tenths % 10)" + Self.units[unit]
  }

  /// A number and a noun, which takes an `s` unless the number is one.
  package static func of(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
  }
}
