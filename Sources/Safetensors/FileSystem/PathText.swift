/// Paths as text: joined, tidied and checked without asking the file system.
package enum PathText {
  /// A folder's path and a name in it, with one slash between.
  ///
  /// - Parameters:
  ///   - folder: the path of the folder; empty for the current one.
  ///   - name: the name; an absolute one stands for itself.
  /// - Returns: the path of the name in the folder.
  package static func join(_ folder: String, _ name: String) -> String {
    if folder.isEmpty || name.utf8.first == slash { return name }
    return folder.utf8.last == slash ? folder + name : "\(folder)/\(name)"
  }

  /// The path without `.`, without doubled slashes and with each `..` carried out, as text.
  ///
  /// Links are not followed, so `..` after a link means the folder in which the link stands.
  package static func normalized(_ path: String) -> String {
    let isAbsolute = path.utf8.first == slash
    var kept: [Substring] = []
    for component in components(path) {
      switch component {
      case "", ".": continue
      case "..":
        if let last = kept.last, last != ".." {
          kept.removeLast()
        } else if !isAbsolute {
          kept.append(component)
        }
      default: kept.append(component)
      }
    }
    let joined = kept.joined(separator: "/")
    if isAbsolute { return "/" + joined }
    return joined.isEmpty ? "." : joined
  }

  /// What comes after the last slash, slashes at the end left out; empty for `/`.
  package static func lastComponent(_ path: String) -> String {
    components(path).last { !$0.isEmpty }.map { String($0) } ?? ""
  }

  /// The folder that holds what the path names: `.` for a bare name, `/` for `/`.
  package static func parent(_ path: String) -> String {
    var bytes = Substring(path).utf8
    while bytes.count > 1, bytes.last == slash { bytes.removeLast() }
    while let last = bytes.last, last != slash { bytes.removeLast() }
    if bytes.isEmpty { return "." }
    while bytes.count > 1, bytes.last == slash { bytes.removeLast() }
    return String(Substring(bytes))
  }

  /// Why a relative name that a file brought along cannot be used in the file's folder.
  ///
  /// - Parameter name: a name such as `model-00001-of-00002.safetensors` or `unet/model.safetensors`.
  /// - Returns: the reason, or `nil` when the name stays in its folder.
  package static func fault(inName name: String) -> String? {
    if name.isEmpty { return "the name is empty" }
    if name.utf8.contains(0) { return "the name holds a NUL" }
    if name.utf8.first == slash { return "the path is absolute" }
    let components = components(name)
    if components.contains("..") { return "the path leaves its folder" }
    if components.last == "" || components.last == "." { return "the path names no file" }
    return nil
  }

  private static let slash = UInt8(ascii: "/")

  /// The parts between slashes, split by bytes so that no combining character hides a slash.
  private static func components(_ path: String) -> [Substring] {
    path.utf8.split(separator: slash, omittingEmptySubsequences: false).map { Substring($0) }
  }
}
