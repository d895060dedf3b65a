import Safetensors

/// Builds an output folder beside its final place, and gives it its name when it is complete.
///
/// While it is built the folder is called `NAME.partial`. One process at a time can build it; what
/// a crashed one left behind is removed by the next.
final class CheckpointWriter: Sendable {
  /// The last component of the output's path.
  let name: String
  private let path: String
  private let partial: Folder
  private let lock: FolderLock
  private let replaces: Bool

  /// Checks that the output can be made, and begins it.
  ///
  /// - Parameters:
  ///   - path: the output folder.
  ///   - overwrites: whether an existing output is replaced.
  ///   - inputPaths: the folders and files of the inputs, which must not be touched.
  ///   - byteCount: the size of the output in bytes.
  /// - Throws: ``DiagnosticError`` of the kind output or input-output.
  init(
    path: String, overwrites: Bool, inputPaths: [String], byteCount: Int
  ) throws(DiagnosticError) {
    let path = PathText.normalized(path)
    self.path = path
    name = PathText.lastComponent(path)
    partial = Folder(path + ".partial")
    guard !name.isEmpty, name != "..", name != "." else {
      throw .output(path, "an output folder needs a name of its own", hint: nil)
    }
    replaces = FileItem.exists(at: path)
    if replaces { try Self.checkReplacement(of: path, overwrites: overwrites) }
    try Self.check(path, against: inputPaths)
    do throws(SafetensorsError) {
      lock = try Self.begin(partial)
      let free = try partial.freeByteCount()
      guard free >= byteCount else {
        try partial.remove()
        throw .diskFull(partial.path, needed: byteCount, free: free)
      }
    } catch {
      throw DiagnosticError(error)
    }
  }

  /// Makes the partial folder, or takes over one that a run left behind.
  private static func begin(_ partial: Folder) throws(SafetensorsError) -> FolderLock {
    let lockPath = partial.appending(lockName)
    if FileItem.exists(at: partial.path) {
      guard try partial.entries().isEmpty || FileItem.exists(at: lockPath) else {
        throw .alreadyExists(
          partial.path, "this is where the output is built, and it was not made by a merge",
          hint: "remove it yourself, or choose another output")
      }
      // Held while the old folder is removed, so that no run is robbed of its folder.
      let old = try FolderLock(lockPath)
      try partial.remove()
      old.release()
    }
    try partial.create()
    return try FolderLock(lockPath)
  }

  private static func checkReplacement(
    of path: String, overwrites: Bool
  ) throws(DiagnosticError) {
    guard overwrites else {
      throw .output(path, "the output exists already", hint: "choose another, or --overwrite it")
    }
    let entries: [Folder.Entry]
    do throws(SafetensorsError) {
      entries = try Folder(path).entries()
    } catch {
      throw DiagnosticError(error)
    }
    let names = Set(entries.map(\.name))
    guard names.isEmpty || !names.isDisjoint(with: ["sinter_manifest.json", "mergekit_config.yml"])
    else {
      throw .output(
        path, "the folder is not the output of a merge and is not overwritten",
        hint: "remove it yourself, or choose another")
    }
  }

  private static func check(
    _ path: String, against inputPaths: [String]
  ) throws(DiagnosticError) {
    let output = FileItem.realPath(of: path)
    for input in inputPaths {
      let other = FileItem.realPath(of: input)
      if output == other || output.hasPrefix(other + "/") || other.hasPrefix(output + "/") {
        throw .output(
          path, "the output would overwrite or lie in the input '\(input)'",
          hint: "choose a folder of its own")
      }
    }
  }

  private static let lockName = ".sinter-lock"

  /// Creates a weight file with its header, at its full size.
  func createShard(_ shard: PlannedShard) throws(SafetensorsError) -> OutputFile {
    let file = try OutputFile(creating: partial.appending(shard.fileName))
    try file.preallocate(byteCount: shard.byteCount)
    let header = shard.header.encoded()
    try file.write(header.span, at: 0)
    return file
  }

  /// Writes a small file.
  func write(_ bytes: [UInt8], to name: String) throws(SafetensorsError) {
    try FileItem.write(bytes, to: partial.appending(name))
  }

  /// Copies a small file byte for byte.
  func copy(_ name: String, from folder: String) throws(SafetensorsError) {
    try FileItem.copy(PathText.join(folder, name), to: partial.appending(name))
  }

  /// Gives the folder its name; an output that it replaces is removed only then.
  func finish() throws(SafetensorsError) {
    try FileItem.remove(partial.appending(Self.lockName))
    try partial.synchronize()
    let old = Folder(path + ".replaced")
    if replaces {
      if old.exists { try old.remove() }
      try Folder(path).rename(to: old.path)
    }
    try partial.rename(to: path)
    try Folder(PathText.parent(path)).synchronize()
    if replaces { try old.remove() }
    lock.release()
  }

  /// Removes what was built.
  func discard() {
    // The error that led here is the one to report, not that something could not be removed.
    try? partial.remove()
    lock.release()
  }
}

extension DiagnosticError {
  fileprivate static func output(
    _ path: String, _ message: String, hint: String?
  ) -> DiagnosticError {
    DiagnosticError([Diagnostic(file: path, message, hint: hint)], kind: .output)
  }
}
