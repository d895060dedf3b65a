import Safetensors

/// Finds the folder or file that a model reference means.
public protocol ModelResolver: Sendable {
  /// Finds a model.
  ///
  /// - Parameter reference: the reference, as a recipe writes it.
  /// - Returns: the path of a folder, or of one safetensors file.
  /// - Throws: ``DiagnosticError`` of the kind not-found when there is no such model.
  func resolve(_ reference: ModelReference) throws(DiagnosticError) -> String

  /// Finds an adapter.
  ///
  /// - Parameter adapter: the reference, as a recipe writes it.
  /// - Returns: the path of a folder.
  /// - Throws: ``DiagnosticError`` of the kind not-found when there is no such adapter.
  func resolve(_ adapter: AdapterReference) throws(DiagnosticError) -> String
}

/// Finds models on the local file system and touches no network.
///
/// A relative path is looked up from the working directory, then from the folder of the recipe.
public struct LocalModelResolver: ModelResolver {
  private let roots: [String]

  /// Makes a resolver.
  ///
  /// - Parameter recipeFile: the path of the recipe, or `nil` when it has none.
  public init(recipeFile: String?) {
    var roots = ["."]
    if let recipeFile { roots.append(PathText.parent(recipeFile)) }
    self.roots = roots
  }

  /// Finds a model.
  ///
  /// - Parameter reference: the reference, as a recipe writes it.
  /// - Returns: the path of a folder, or of one safetensors file.
  /// - Throws: ``DiagnosticError`` of the kind not-found when no such path exists.
  public func resolve(_ reference: ModelReference) throws(DiagnosticError) -> String {
    try resolve(reference.path, "model '\(reference)'")
  }

  /// Finds an adapter.
  ///
  /// - Parameter adapter: the reference, as a recipe writes it.
  /// - Returns: the path of a folder.
  /// - Throws: ``DiagnosticError`` of the kind not-found when no such path exists.
  public func resolve(_ adapter: AdapterReference) throws(DiagnosticError) -> String {
    try resolve(adapter.path, "adapter '\(adapter)'")
  }

  private func resolve(_ path: String, _ what: String) throws(DiagnosticError) -> String {
    let candidates = roots.map { PathText.normalized(PathText.join($0, path)) }
    if let found = candidates.first(where: { FileItem.exists(at: $0) }) { return found }
    let places = path.hasPrefix("/") ? [path] : candidates
    var seen = Set<String>()
    let list = places.filter { seen.insert($0).inserted }.map { "'\($0)'" }
    throw DiagnosticError(
      [
        Diagnostic(
          .error,
          "\(what) does not exist; looked for \(list.joined(separator: " and "))",
          hint: Self.looksLikeHubName(path)
            ? "models are not downloaded: fetch it first and name its folder" : nil)
      ],
      kind: .notFound)
  }

  private static func looksLikeHubName(_ path: String) -> Bool {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 2 && !parts.contains("") && !path.hasPrefix(".") && !path.hasPrefix("~")
  }
}
