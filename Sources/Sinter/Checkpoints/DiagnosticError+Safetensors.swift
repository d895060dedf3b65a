public import Safetensors

extension DiagnosticError {
  /// What a file operation found wrong, as a fault of a checkpoint.
  ///
  /// - Parameter error: the error.
  public init(_ error: SafetensorsError) {
    let place = error.tensor.map { "tensor '\($0)': " } ?? ""
    self.init(
      [Diagnostic(file: error.file, place + error.detail, hint: error.hint)],
      kind: Self.kind(of: error.code))
  }

  private static func kind(of code: SafetensorsError.Code) -> Kind {
    switch code {
    case .notFound: .notFound
    case .alreadyExists: .output
    case .diskFull, .systemFailure, .permissionDenied, .fileShrank: .inputOutput
    default: .invalid
    }
  }
}
