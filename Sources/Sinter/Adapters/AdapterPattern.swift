import Foundation

/// A key of `rank_pattern` or `alpha_pattern`: a regular expression for the end of a module's name.
///
/// It matches when the whole name, or what stands behind one of its dots, is the expression's: PEFT
/// matches `(.*\.)?(KEY)$`.
struct AdapterPattern: Sendable, Hashable {
  /// The key as written.
  let text: String
  /// Whether the key is a plain name, in which the dot is the only character with a meaning.
  private let isPlain: Bool

  /// Makes a pattern.
  ///
  /// - Parameter text: the key.
  /// - Throws: ``Fault`` when it is no regular expression.
  init(_ text: String) throws(Fault) {
    self.text = text
    isPlain = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
        UInt8(ascii: "."):
        true
      default: false
      }
    }
    guard isPlain || Self.expression(text) != nil else { throw Fault() }
  }

  /// Whether a name matches.
  ///
  /// - Parameter name: the name of a module.
  /// - Returns: whether its end is what the pattern describes.
  func matches(_ name: String) -> Bool {
    // Compiling an expression for hundreds of plain names and modules each would take seconds.
    if isPlain { return matchesPlainly(name) }
    guard let expression = Self.expression(text) else { return false }
    let range = NSRange(name.startIndex..., in: name)
    return expression.firstMatch(in: name, range: range) != nil
  }

  private func matchesPlainly(_ name: String) -> Bool {
    let (name, key) = (Array(name.utf8), Array(text.utf8))
    guard key.count <= name.count else { return false }
    let start = name.count - key.count
    let dot = UInt8(ascii: ".")
    guard start == 0 || name[start - 1] == dot else { return false }
    return key.indices.allSatisfy { key[$0] == dot || key[$0] == name[start + $0] }
  }

  private static func expression(_ text: String) -> NSRegularExpression? {
    try? NSRegularExpression(pattern: "^(?:.*\\.)?(?:\(text))$")
  }

  /// The key is no regular expression.
  struct Fault: Error {}
}
