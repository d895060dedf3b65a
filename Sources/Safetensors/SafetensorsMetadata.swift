/// The text that a file carries beside its tensors: keys and values in the order of the header.
public struct SafetensorsMetadata: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  /// One key and its value.
  public struct Entry: Hashable, Sendable {
    /// The key, unique in its file.
    public let key: String
    /// The text.
    public let value: String

    /// Makes an entry.
    ///
    /// - Parameters:
    ///   - key: the key, unique in its file.
    ///   - value: any text.
    public init(key: String, value: String) {
      self.key = key
      self.value = value
    }
  }

  /// What most loaders look for: the tensors are laid out as PyTorch's.
  public static let pytorch: SafetensorsMetadata = ["format": "pt"]

  /// The entries in the order of the header.
  public let entries: [Entry]

  /// Makes metadata from entries.
  ///
  /// - Parameter entries: entries in the order in which they are written; keys must differ.
  public init(entries: [Entry]) {
    precondition(
      Set(entries.map { ExactName($0.key) }).count == entries.count, "metadata keys must differ")
    self.entries = entries
  }

  /// Makes metadata from a literal; keys must differ.
  public init(dictionaryLiteral elements: (String, String)...) {
    self.init(entries: elements.map { Entry(key: $0.0, value: $0.1) })
  }

  /// The value of a key.
  ///
  /// - Parameter key: the key, compared byte by byte.
  public subscript(key: String) -> String? {
    let key = ExactName(key)
    return entries.first { ExactName($0.key) == key }?.value
  }
}
