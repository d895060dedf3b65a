/// A number of bytes on the command line: `512MiB`, `5GB`, `1.5 GiB`, `4096`.
struct ByteSize: Sendable, Hashable, CustomStringConvertible {
  /// The size in bytes.
  let byteCount: Int
  /// The size as written.
  let description: String

  /// Reads a size.
  ///
  /// - Parameter text: a number with at most one decimal point, and a unit: B, KB, MB, GB, TB (by
  ///   1000) or KiB, MiB, GiB, TiB (by 1024), in any case; without a unit, bytes.
  /// - Throws: ``Fault`` when it is no such size, is zero, or does not fit in 63 bits.
  init(parsing text: String) throws(Fault) {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = text.dropFirst(number.count).drop { $0 == " " }.lowercased()
    guard let factor = Self.units[unit] else {
      let near = Self.units[unit + "b"] != nil && !unit.isEmpty
      throw Fault(
        near
          ? "write the unit in full: '\(number)\(unit.uppercased())B' or "
            + "'\(number)\(unit.uppercased())iB'" : Self.form)
    }
    let parts = number.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.count <= 18 }),
      let whole = Int(parts[0]), let fraction = parts.count == 2 ? Int(parts[1]) : 0
    else { throw Fault(Self.form) }
    var scale = 1
    for _ in 0..<(parts.count == 2 ? parts[1].count : 0) { scale *= 10 }
    let product = whole.multipliedReportingOverflow(by: factor)
    let rest = Int(Double(fraction) / Double(scale) * Double(factor))
    let sum = product.partialValue.addingReportingOverflow(rest)
    guard !product.overflow, !sum.overflow else { throw Fault("the size is too large") }
    guard sum.partialValue > 0 else { throw Fault("the size must be more than nothing") }
    byteCount = sum.partialValue
    description = text
  }

  /// A size that the program itself names.
  init(_ byteCount: Int, _ description: String) {
    self.byteCount = byteCount
    self.description = description
  }

  private static let form =
    "a size is a number with a unit, such as 512MiB or 5GB, or a number of bytes"

  private static let units: [String: Int] = [
    "": 1, "b": 1, "kb": 1000, "mb": 1_000_000, "gb": 1_000_000_000, "tb": 1_000_000_000_000,
    "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
  ]

  /// Why a text is no size.
  struct Fault: Error, CustomStringConvertible {
    /// What is wrong.
    let description: String

    init(_ description: String) { self.description = description }
  }
}
