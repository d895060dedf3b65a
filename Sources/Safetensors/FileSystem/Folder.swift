#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder: what is in it, and making, moving and removing it.
package struct Folder: Sendable, Hashable {
  /// Something in a folder.
  package struct Entry: Sendable, Hashable {
    /// The name without the folder.
    package let name: String
    /// What it is; links are followed.
    package let kind: FileKind
    /// The size of a file in bytes; 0 for anything else.
    package let byteCount: Int
  }

  /// The path, absolute or from the current folder.
  package let path: String

  /// Names a folder, which need not exist.
  package init(_ path: String) { self.path = path.isEmpty ? "." : path }

  /// The path of something in the folder.
  package func appending(_ name: String) -> String { PathText.join(path, name) }

  /// Whether the path leads to a folder.
  package var exists: Bool { FileItem.kind(at: path) == .folder }

  /// Makes the folder, and the folders that lead to it.
  ///
  /// A folder that is there already is left as it is.
  package func create() throws(SafetensorsError) {
    try FileItem.check(path)
    // SAFETY: the path is bridged to a text that ends in NUL and outlives the call.
    if unsafe mkdir(path, 0o777) == 0 { return }
    let number = errno
    if number == ENOENT, PathText.parent(path) != path {
      try Folder(PathText.parent(path)).create()
      // SAFETY: as above.
      if unsafe mkdir(path, 0o777) == 0 { return }
    }
    if exists { return }
    throw .system(path, "cannot create the folder", number)
  }

  /// What is in the folder, by name in the order of the bytes.
  package func entries() throws(SafetensorsError) -> [Entry] {
    let descriptor = try FileDescriptor.open(
      path, O_RDONLY | O_DIRECTORY, operation: "cannot open the folder")
    let names = try FolderRemoval.names(in: descriptor).map { String(decoding: $0, as: UTF8.self) }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.compactMap { name in
      // Something may be gone since the names were read.
      guard let status = FileItem.status(at: appending(name)) else { return nil }
      return Entry(
        name: name, kind: status.kind, byteCount: status.kind == .file ? status.byteCount : 0)
    }
  }

  /// Removes the folder and all that is in it; links in it are removed, not followed.
  ///
  /// - Throws: ``SafetensorsError`` of code `notFound` when there is nothing, `notFolder` when the
  ///   path leads to a link or a file, or of another code when something cannot be removed.
  package func remove() throws(SafetensorsError) {
    try FolderRemoval.remove(PathText.normalized(path))
  }

  /// Gives the folder another path on the same file system.
  package func rename(to newPath: String) throws(SafetensorsError) {
    try FileItem.rename(path, to: newPath)
  }

  /// Waits until the names in the folder are on the disk.
  package func synchronize() throws(SafetensorsError) {
    try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY, operation: "cannot open the folder")
      .synchronize()
  }

  /// The bytes that can still be written to the file system of the folder.
  package func freeByteCount() throws(SafetensorsError) -> Int {
    try FileItem.check(path)
    var status = statvfs()
    // SAFETY: statvfs writes within the local variable.
    if unsafe statvfs(path, &status) != 0 {
      throw .system(path, "cannot examine the file system", errno)
    }
    let blocks = UInt64(status.f_bavail)
    let (bytes, overflow) = blocks.multipliedReportingOverflow(by: UInt64(status.f_frsize))
    return overflow ? Int.max : Int(clamping: bytes)
  }
}
