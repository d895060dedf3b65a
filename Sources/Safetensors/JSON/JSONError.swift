/// Why a text is not the JSON that was expected, and where.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of fault.
  package enum Code: Hashable, Sendable {
    /// The bytes are not UTF-8.
    case invalidUTF8
    /// The text breaks the grammar of RFC 8259.
    case syntax
    /// An object has two members of the same name.
    case duplicateKey
    /// Objects and arrays are nested deeper than the limit.
    case depth
    /// An edit names a place that the document does not have.
    case noSuchValue
  }

  /// The kind of fault.
  package let code: Code
  /// The byte at which the fault was found, counted from the start of the bytes that were scanned.
  package let offset: Int
  /// The fault in words, without the place.
  package let detail: String

  package init(code: Code, offset: Int, detail: String) {
    self.code = code
    self.offset = offset
    self.detail = detail
  }

  /// The place and the fault, such as `byte 12: expected ':' after a key, found '}'`.
  package var description: String { "byte \(offset): \(detail)" }
}
