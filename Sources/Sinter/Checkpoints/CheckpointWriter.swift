import Safetensors

/// Builds an output folder beside its final place, and gives it its name when it is complete.
///
/// While it is built the folder is called `NAME.partial`. One process at a time can build it; what
/// a crashed one left behind is removed by the next. An output that is replaced stays as it is until
/// the new one is complete and on disk; then it is called `NAME.replaced`, the new one takes the
/// name, and the old one is removed. A crash between the two renames leaves both, complete, under
/// those names, and the next run into the same output puts the old one back before it begins.
///
/// Both folders are known as ours by a file in them, so that no folder of anybody else is removed.
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
    let given = PathText.normalized(path)
    name = PathText.lastComponent(given)
    guard !name.isEmpty, name != "..", name != "." else {
      throw .output(path, "an output folder needs a name of its own", hint: nil)
    }
    // What a link leads to is replaced, not the link; otherwise messages say what the user said.
    let real = FileItem.realPath(of: given)
    let isLink = real != PathText.join(FileItem.realPath(of: PathText.parent(given)), name)
    let path = isLink && FileItem.kind(at: given) == .folder ? real : given
    self.path = path
    partial = Folder(path + Self.partialEnding)
    for folder in [path, partial.path, path + Self.replacedEnding] {
      try Self.check(folder, against: inputPaths)
    }
    do throws(SafetensorsError) {
      try Self.recover(path)
    } catch {
      throw DiagnosticError(error)
    }
    replaces = FileItem.exists(at: path)
    if replaces { try Self.checkReplacement(of: path, overwrites: overwrites) }
    do throws(SafetensorsError) {
      lock = try Self.begin(partial)
    } catch {
      // Whatever keeps the folder from being made, it is the output that is at fault.
      throw DiagnosticError(
        DiagnosticError(error).diagnostics, kind: error.code == .diskFull ? .inputOutput : .output)
    }
    do throws(SafetensorsError) {
      let free = try partial.freeByteCount()
      if free < byteCount { throw .diskFull(partial.path, needed: byteCount, free: free) }
    } catch {
      discard()
      throw DiagnosticError(error)
    }
  }

  private static let lockName = ".sinter-lock"
  private static let partialEnding = ".partial"
  private static let replacedEnding = ".replaced"

  /// Where a file of the output is while the output is built.
  func path(of name: String) -> String { partial.appending(name) }

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

  /// Removes what was built.
  func discard() {
    // The error that led here is the one to report, not that something could not be removed.
    try? partial.remove()
    lock.release()
  }
}

// MARK: - Beginning

extension CheckpointWriter {
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

  /// Ends a replacement that a crash cut short: an old output that is without its name gets it
  /// back, one whose successor is in place is removed.
  private static func recover(_ path: String) throws(SafetensorsError) {
    let old = Folder(path + replacedEnding)
    let mark = old.appending(lockName)
    guard FileItem.exists(at: mark) else { return }
    let lock = try FolderLock(mark)
    if FileItem.exists(at: path) {
      try old.remove()
    } else {
      try old.rename(to: path)
      try FileItem.remove(PathText.join(path, lockName))
    }
    lock.release()
  }

  private static func checkReplacement(
    of path: String, overwrites: Bool
  ) throws(DiagnosticError) {
    guard overwrites else {
      throw .output(path, "the output exists already", hint: "choose another, or --overwrite it")
    }
    guard FileItem.kind(at: path) == .folder else {
      throw .output(path, "the output exists and is not a folder", hint: "choose another")
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
    let replaced = path + replacedEnding
    guard !FileItem.exists(at: replaced) else {
      throw .output(
        replaced, "this is where the old output is kept for a moment, and something is there",
        hint: "remove it yourself, or choose another output")
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
}

// MARK: - Finishing

extension CheckpointWriter {
  /// Gives the folder its name; an output that it replaces is removed only then.
  ///
  /// - Returns: what is worth knowing although the output is complete.
  func finish() throws(SafetensorsError) -> [Diagnostic] {
    try partial.synchronize()
    if replaces {
      try takeTheNameOfTheOld()
    } else {
      try partial.rename(to: path)
    }
    // From here on the output is complete, and what goes wrong is no reason to call it failed.
    try? FileItem.remove(PathText.join(path, Self.lockName))
    let remarks = synchronizeTheName() + (replaces ? removeTheOld() : [])
    lock.release()
    return remarks
  }

  /// Waits until the name of the output is on the disk.
  private func synchronizeTheName() -> [Diagnostic] {
    do throws(SafetensorsError) {
      try Folder(PathText.parent(path)).synchronize()
      return []
    } catch {
      return [
        Diagnostic(
          .warning, file: error.file,
          "the output is complete, but its name may not be on the disk: \(error.detail)",
          hint: "should the power fail now, look for it as '\(partial.path)'")
      ]
    }
  }

  private func takeTheNameOfTheOld() throws(SafetensorsError) {
    let old = path + Self.replacedEnding
    // Tells the next run, should this one crash, whose folder that is.
    let mark = try FolderLock(PathText.join(path, Self.lockName))
    try FileItem.rename(path, to: old)
    do throws(SafetensorsError) {
      try partial.rename(to: path)
    } catch {
      // The error that led here is the one to report.
      try? FileItem.rename(old, to: path)
      try? FileItem.remove(PathText.join(path, Self.lockName))
      throw error
    }
    mark.release()
  }

  private func removeTheOld() -> [Diagnostic] {
    do throws(SafetensorsError) {
      try Folder(path + Self.replacedEnding).remove()
      return []
    } catch {
      return [
        Diagnostic(
          .warning, file: error.file, "the old output could not be removed: \(error.detail)",
          hint: "remove '\(path + Self.replacedEnding)' yourself")
      ]
    }
  }
}

extension DiagnosticError {
  fileprivate static func output(
    _ path: String, _ message: String, hint: String?
  ) -> DiagnosticError {
    DiagnosticError([Diagnostic(file: path, message, hint: hint)], kind: .output)
  }
}
