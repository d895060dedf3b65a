/// One thing that is wrong with a value of a recipe, before it is known which file it stands in.
public struct RecipeFault: Error, Sendable, Hashable, CustomStringConvertible {
  /// The place of the value, or `nil` when whoever asked for it knows the place.
  public let position: SourcePosition?
  /// What is wrong: lower case, no full stop.
  public let message: String
  /// What to do about it, or `nil`.
  public let hint: String?

  /// Makes a fault.
  public init(at position: SourcePosition? = nil, _ message: String, hint: String? = nil) {
    self.position = position
    self.message = message
    self.hint = hint
  }

  /// The fault as an error of a file.
  ///
  /// - Parameters:
  ///   - file: The file as the user named it.
  ///   - position: The place that holds when the fault has none of its own.
  /// - Returns: The diagnostic.
  public func diagnostic(file: String, at position: SourcePosition? = nil) -> Diagnostic {
    Diagnostic(file: file, at: self.position ?? position, message, hint: hint)
  }

  /// The message, with a last line for the hint when there is one.
  public var description: String {
    guard let hint else { return message }
    return message + "\nhint: " + hint
  }
}
