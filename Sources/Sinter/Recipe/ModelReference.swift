/// How a recipe names a model: a path, perhaps a revision, perhaps adapters on top.
///
/// ```
/// PATH[@REVISION][+ADAPTER[@REVISION]]...
/// ```
/// Two references are equal when all their parts are written alike: `./a` and `a` are different
/// models.
public struct ModelReference: Sendable, Hashable, CustomStringConvertible {
  /// The folder or the name on a hub, as written.
  public let path: String
  /// The revision on a hub, or `nil`.
  public let revision: String?
  /// The adapters that are applied to the model, in order.
  public let adapters: [AdapterReference]
  /// The name that replaces `architectures` in the model's configuration, or `nil`.
  public let overrideArchitecture: String?

  /// Makes a reference from its parts, which are taken literally.
  public init(
    path: String, revision: String? = nil, adapters: [AdapterReference] = [],
    overrideArchitecture: String? = nil
  ) {
    self.path = path
    self.revision = revision
    self.adapters = adapters
    self.overrideArchitecture = overrideArchitecture
  }

  /// Reads the string form `PATH[@REVISION][+ADAPTER[@REVISION]]...`.
  ///
  /// A path that itself holds `@` or `+` has no string form.
  ///
  /// - Parameter text: The string form.
  /// - Throws: `RecipeFault` when a part is empty or holds more than one `@`.
  public init(parsing text: String) throws(RecipeFault) {
    guard !text.isEmpty else { throw RecipeFault("the model reference is empty") }
    let parts = text.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
    let (path, revision) = try Self.pathAndRevision(parts[0], of: text)
    var adapters: [AdapterReference] = []
    for part in parts.dropFirst() {
      let (path, revision) = try Self.pathAndRevision(part, of: text)
      adapters.append(AdapterReference(path: path, revision: revision))
    }
    self.init(path: path, revision: revision, adapters: adapters)
  }

  /// Splits `PATH[@REVISION]`.
  package static func pathAndRevision(
    _ part: String, of text: String
  ) throws(RecipeFault) -> (path: String, revision: String?) {
    let pieces = part.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
    let literal = "for a path that holds '@' or '+' write 'model: {model: {path: ...}}'"
    if pieces.count > 2 {
      throw RecipeFault("more than one '@' in '\(part)'", hint: literal)
    }
    if pieces.contains("") {
      let what =
        part.isEmpty
        ? "nothing on one side of '+'" : "nothing on one side of '@'"
      throw RecipeFault("\(what) in the model reference '\(text)'", hint: literal)
    }
    return (pieces[0], pieces.count == 2 ? pieces[1] : nil)
  }

  /// The string form with the weights of adapters that are not 1: `PATH+ADAPTER:0.5`.
  package var label: String {
    adapters.reduce(path + (revision.map { "@" + $0 } ?? "")) { text, adapter in
      let weight = adapter.weight.flatMap { $0 == 1 ? nil : ":\(ParameterValue.number($0))" }
      return text + "+" + adapter.description + (weight ?? "")
    }
  }

  /// The string form, without the weights of adapters and without the override.
  public var description: String {
    adapters.reduce(path + (revision.map { "@" + $0 } ?? "")) { $0 + "+" + $1.description }
  }
}

/// How a recipe names an adapter of a model.
public struct AdapterReference: Sendable, Hashable, CustomStringConvertible {
  /// The folder or the name on a hub, as written.
  public let path: String
  /// The revision on a hub, or `nil`.
  public let revision: String?
  /// The factor on the adapter's update, any finite number; `nil` means 1.
  public let weight: Double?

  /// Makes a reference from its parts, which are taken literally.
  public init(path: String, revision: String? = nil, weight: Double? = nil) {
    self.path = path
    self.revision = revision
    self.weight = weight
  }

  /// The adapter as `PATH[@REVISION]`.
  public var description: String { path + (revision.map { "@" + $0 } ?? "") }
}
