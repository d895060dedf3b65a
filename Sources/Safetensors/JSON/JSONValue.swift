/// A value of a JSON text and the bytes where it stands.
package struct JSONValue: Sendable {
  /// One member of an object.
  package struct Member: Sendable {
    /// The key, escapes decoded.
    package let key: String
    /// Where the key stands, quotes included.
    package let keyRange: Range<Int>
    /// The value of the member.
    package let value: JSONValue
  }

  /// What a value can be.
  package enum Content: Sendable {
    /// The members in the order of the text, each key once.
    case object([Member])
    /// The elements.
    case array([JSONValue])
    /// The characters, escapes decoded.
    case string(String)
    /// The literal text, such as `1e-05`.
    case number(String)
    /// `true` or `false`.
    case bool(Bool)
    /// `null`.
    case null
  }

  /// The value.
  package let content: Content
  /// The bytes of the document that hold the value.
  package let range: Range<Int>

  /// The members of an object, in the order of the text.
  package var object: [Member]? {
    if case .object(let members) = content { members } else { nil }
  }

  /// The elements of an array.
  package var array: [JSONValue]? {
    if case .array(let elements) = content { elements } else { nil }
  }

  /// The characters of a string.
  package var string: String? {
    if case .string(let text) = content { text } else { nil }
  }

  /// The literal text of a number.
  package var number: String? {
    if case .number(let text) = content { text } else { nil }
  }

  /// A number that is written as an integer and fits; `1.0` is none.
  package var int: Int? { number.flatMap { Int($0) } }

  /// A number as the nearest `Double`; `nil` when it is beyond the finite ones.
  package var double: Double? {
    number.flatMap { Double($0) }.flatMap { $0.isFinite ? $0 : nil }
  }

  /// `true` or `false`.
  package var bool: Bool? {
    if case .bool(let value) = content { value } else { nil }
  }

  /// Whether the value is `null`.
  package var isNull: Bool {
    if case .null = content { true } else { false }
  }

  /// The value of a member of an object; `nil` when this is no object or has no such member.
  ///
  /// - Complexity: linear in the number of members.
  package subscript(key: String) -> JSONValue? {
    let key = ExactName(key)
    return object?.first { ExactName($0.key) == key }?.value
  }

  /// An element of an array; `nil` when this is no array or has no such element.
  package subscript(index: Int) -> JSONValue? {
    guard let array, array.indices.contains(index) else { return nil }
    return array[index]
  }
}
