/// Sizes in bytes as people read them, in units of a thousand.
package struct ByteCountText: Sendable, CustomStringConvertible {
  private static let units = ["bytes", "KB", "MB", "GB", "TB", "PB", "EB"]

  /// The size with its unit, such as `4.1 KB`.
  package let description: String

  /// Writes one size.
  package init(_ byteCount: Int) {
    let unit = Self.unit(of: byteCount)
    description = "\(Self.digits(byteCount, unit)) \(Self.units[unit])"
  }

  /// Writes a part and its whole in the unit of the whole, such as `2.0 of 4.1 KB`.
  package init(_ part: Int, of whole: Int) {
    let unit = Self.unit(of: whole)
    description = "\(Self.digits(part, unit)) of \(Self.digits(whole, unit)) \(Self.units[unit])"
  }

  private static func unit(of byteCount: Int) -> Int {
    var unit = 0
    var rest = byteCount
    while rest >= 1000, unit < units.count - 1 {
      rest /= 1000
      unit += 1
    }
    return unit
  }

  /// One decimal, rounded to nearest; none for bytes.
  private static func digits(_ byteCount: Int, _ unit: Int) -> String {
    guard unit > 0 else { return "\(byteCount)" }
    var tenth = 100
    for _ in 1..<unit { tenth *= 1000 }
    let tenths = byteCount / tenth + (byteCount % tenth >= tenth / 2 ? 1 : 0)
    return "\(tenths / 10).\(tenths % 10)"
  }
}
