import Safetensors
import Sinter

/// A recipe that a command writes from its arguments, so that they mean what a recipe means.
enum ArgumentRecipe {
  /// The name that the recipe has instead of a file's.
  static let name = "<arguments>"

  /// A text as it stands in a recipe, whatever is in it.
  static func quoted(_ text: String) -> String {
    String(decoding: JSONText.string(text).encoded(), as: UTF8.self)
  }

  /// Faults without lines and columns of the recipe: nobody wrote it, so they tell nothing.
  static func withoutPlaces(_ error: DiagnosticError) -> DiagnosticError {
    DiagnosticError(
      error.diagnostics.map { one in
        one.file == name ? Diagnostic(one.severity, one.message, hint: one.hint) : one
      }, kind: error.kind)
  }
}
