/// A text from a stranger, made fit for a terminal.
///
/// Names of tensors and files can hold any character; those that steer a terminal are written as
/// escapes.
struct PrintableText: CustomStringConvertible {
  /// The text without characters that steer.
  let description: String

  /// Makes a text fit.
  ///
  /// - Parameters:
  ///   - text: the text.
  ///   - keepsLines: whether line feeds stay.
  init(_ text: String, keepsLines: Bool = false) {
    var output = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control where keepsLines && scalar == "\n":
        output.append(scalar)
      case .control, .format, .lineSeparator, .paragraphSeparator:
        output.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
      default:
        output.append(scalar)
      }
    }
    description = String(output)
  }
}
