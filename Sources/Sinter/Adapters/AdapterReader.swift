import Safetensors
import SinterTensors

/// Opens adapters: reads the configuration and the header of the weight file, and holds one against
/// the other.
public enum AdapterReader {
  /// Opens an adapter.
  ///
  /// - Parameter path: a folder with `adapter_config.json` and `adapter_model.safetensors` (PEFT)
  ///   or `adapters.safetensors` (MLX).
  /// - Returns: the adapter.
  /// - Throws: ``DiagnosticError`` with every fault that was found in configuration and header:
  ///   what is not supported, tensors that belong to no update, factors without their other half,
  ///   shapes and ranks that disagree.
  public static func open(_ path: String) throws(DiagnosticError) -> Adapter {
    let folder = Folder(path)
    guard folder.exists else {
      throw DiagnosticError(
        [
          FileItem.exists(at: path)
            ? Diagnostic(
              file: path, "an adapter is a folder, and this is a file",
              hint: "name the folder that holds '\(configurationName)'")
            : Diagnostic(.error, "adapter '\(path)' does not exist")
        ], kind: .notFound)
    }
    let names = try attempting { () throws(SafetensorsError) in
      try folder.entries().filter { $0.kind == .file }.map(\.name)
    }
    guard names.contains(configurationName) else {
      throw DiagnosticError([
        Diagnostic(
          file: path, "no adapter found: '\(configurationName)' is missing",
          hint: names.contains("config.json") ? "this is a model" : nil)
      ])
    }
    let file = PathText.join(path, configurationName)
    let configuration = try AdapterConfiguration(
      try attempting { () throws(SafetensorsError) in
        try FileItem.read(file, limit: SideFileSelection.largestFile)
      }, file: file)
    let weights = try weightFile(of: configuration.format, in: path, names: names)
    var assembly = AdapterAssembly(
      configuration,
      try attempting { () throws(SafetensorsError) in
        try SafetensorsFile(path: PathText.join(path, weights))
      })
    return try assembly.adapter(path: path)
  }

  private static let configurationName = "adapter_config.json"

  private static func weightFile(
    of format: AdapterConfiguration.Format, in folder: String, names: [String]
  ) throws(DiagnosticError) -> String {
    let name = format == .peft ? "adapter_model.safetensors" : "adapters.safetensors"
    if names.contains(name) { return name }
    let pickle = names.first { $0 == "adapter_model.bin" || $0.hasSuffix(".npz") }
    throw DiagnosticError([
      pickle.map {
        Diagnostic(
          file: folder, "the adapter's weights are in '\($0)', which is not supported",
          hint: "save it as safetensors")
      } ?? Diagnostic(file: folder, "the adapter has no '\(name)'", hint: "download it again")
    ])
  }

  private static func attempting<Value>(
    _ operation: () throws(SafetensorsError) -> Value
  ) throws(DiagnosticError) -> Value {
    do throws(SafetensorsError) {
      return try operation()
    } catch {
      throw DiagnosticError(error)
    }
  }
}
