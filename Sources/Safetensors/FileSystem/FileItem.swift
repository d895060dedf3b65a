#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Files and folders by path, and small files as a whole.
package enum FileItem {
  /// What a path leads to, links followed; `nil` when there is nothing, or nothing to be seen.
  package static func kind(at path: String) -> FileKind? { status(at: path)?.kind }

  /// Whether a path leads to something, if only to a link that leads nowhere.
  package static func exists(at path: String) -> Bool { status(at: path) != nil }

  /// The size of a regular file in bytes, links followed; `nil` for anything else.
  package static func byteCount(at path: String) -> Int? {
    status(at: path).flatMap { $0.kind == .file ? $0.byteCount : nil }
  }

  /// Gives a file or folder another path on the same file system; a file there is replaced.
  package static func rename(_ path: String, to newPath: String) throws(SafetensorsError) {
    try check(path)
    try check(newPath)
    // SAFETY: the paths are bridged to texts that end in NUL and outlive the call.
    #if canImport(Glibc)
      let result = unsafe Glibc.rename(path, newPath)
    #elseif canImport(Musl)
      let result = unsafe Musl.rename(path, newPath)
    #else
      let result = unsafe Darwin.rename(path, newPath)
    #endif
    if result != 0 { throw .system(path, "cannot rename to '\(newPath)'", errno) }
  }

  /// Removes a file or a link, never a folder.
  package static func remove(_ path: String) throws(SafetensorsError) {
    try check(path)
    // SAFETY: the path is bridged to a text that ends in NUL and outlives the call.
    if unsafe unlink(path) != 0 { throw .system(path, "cannot remove", errno) }
  }

  /// Reads a whole file.
  ///
  /// - Parameters:
  ///   - path: the path; links are followed.
  ///   - limit: the largest size in bytes.
  /// - Returns: the bytes of the file.
  /// - Throws: ``SafetensorsError`` of code `fileTooLarge` beyond the limit, or as ``InputFile``.
  package static func read(_ path: String, limit: Int) throws(SafetensorsError) -> [UInt8] {
    let file = try InputFile(path: path)
    if file.byteCount > limit {
      throw .fileTooLarge(path, limit: limit, byteCount: file.byteCount)
    }
    return try file.bytes(in: 0..<file.byteCount)
  }

  /// Writes a whole file and waits until it is on the disk.
  package static func write(
    _ bytes: [UInt8], to path: String, existing: OutputFile.Existing = .refuse
  ) throws(SafetensorsError) {
    let file = try OutputFile(creating: path, existing: existing)
    try file.write(bytes.span, at: 0)
    try file.synchronize()
  }

  /// Copies a file byte for byte and waits until the copy is on the disk.
  ///
  /// - Parameters:
  ///   - path: the file; links are followed.
  ///   - newPath: the copy; nothing may be there.
  /// - Throws: ``SafetensorsError`` when one cannot be read or the other not written.
  package static func copy(_ path: String, to newPath: String) throws(SafetensorsError) {
    let source = try InputFile(path: path)
    let copy = try OutputFile(creating: newPath)
    var offset = 0
    while offset < source.byteCount {
      let end = min(source.byteCount, offset + 1 << 20)
      let piece = try source.bytes(in: offset..<end)
      try copy.write(piece.span, at: offset)
      offset = end
    }
    try copy.synchronize()
  }

  /// Refuses a path that the system would cut short.
  static func check(_ path: String) throws(SafetensorsError) {
    if path.utf8.contains(0) { throw .unsafePath(path, name: path, "the path holds a NUL") }
  }

  static func status(at path: String) -> FileDescriptor.Status? {
    if path.utf8.contains(0) { return nil }
    var status = stat()
    // SAFETY: the calls write within the local variable.
    if unsafe stat(path, &status) != 0 {
      guard unsafe lstat(path, &status) == 0 else { return nil }
    }
    return .init(kind: FileKind(mode: status.st_mode), byteCount: Int(status.st_size))
  }
}

extension FileItem {
  /// The absolute path with every link followed; of what does not exist yet, its folder's path
  /// followed by the name.
  ///
  /// - Parameter path: a path, absolute or from the current folder.
  /// - Returns: the absolute path; the path itself when not even its folders exist.
  package static func realPath(of path: String) -> String {
    // SAFETY: the path is bridged to a text that ends in NUL; the result is copied, then freed.
    if let resolved = unsafe realpath(path, nil) {
      defer { unsafe free(resolved) }
      return unsafe String(cString: resolved)
    }
    let parent = PathText.parent(path)
    guard parent != path else { return path }
    return PathText.join(realPath(of: parent), PathText.lastComponent(path))
  }
}
