/// A name that equals another only when their bytes are equal.
///
/// `String` takes canonically equivalent texts for equal (an é in one code point or in two); the
/// names of tensors, files and JSON members are distinct when their bytes are.
package struct ExactName: Hashable, Sendable {
  /// The name.
  package let text: String

  /// Wraps a name.
  package init(_ text: String) { self.text = text }

  /// Whether the bytes of both are the same.
  package static func == (left: ExactName, right: ExactName) -> Bool {
    left.text == right.text && left.text.utf8.elementsEqual(right.text.utf8)
  }

  /// Feeds the bytes, eight at a time.
  package func hash(into hasher: inout Hasher) {
    var word: UInt64 = 0
    var count = 0
    for byte in text.utf8 {
      word = word << 8 | UInt64(byte)
      count += 1
      if count % 8 == 0 { hasher.combine(word) }
    }
    hasher.combine(word)
    hasher.combine(count)
  }
}
