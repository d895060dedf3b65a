#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Takes a folder away with all that is in it.
///
/// Everything is named relative to a folder that is held open, so that nobody can lead the removal
/// elsewhere by putting a link in place of a folder meanwhile.
enum FolderRemoval {
  /// Removes a folder.
  static func remove(_ path: String) throws(SafetensorsError) {
    let folder = try FileDescriptor.open(
      path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, operation: "cannot remove the folder")
    try removeContents(of: folder)
    // SAFETY: the path is bridged to a text that ends in NUL and outlives the call.
    if unsafe rmdir(path) != 0 { throw .system(path, "cannot remove the folder", errno) }
  }

  private static func removeContents(
    of folder: borrowing FileDescriptor
  ) throws(SafetensorsError) {
    for name in try names(in: folder) {
      let cName = (name + [0]).map { CChar(bitPattern: $0) }
      let path = PathText.join(folder.path, String(decoding: name, as: UTF8.self))
      // SAFETY: the array ends in NUL and outlives the calls.
      if unsafe unlinkat(folder.number, cName, 0) == 0 { continue }
      let refusal = errno
      guard refusal == EISDIR || refusal == EPERM else {
        throw .system(path, "cannot remove", refusal)
      }
      let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
      let number = unsafe openat(folder.number, cName, flags)
      if number < 0 {
        // What is no folder was refused for another reason than being one.
        throw .system(path, "cannot remove", errno == ENOTDIR ? refusal : errno)
      }
      try removeContents(of: FileDescriptor(number: number, path: path))
      if unsafe unlinkat(folder.number, cName, AT_REMOVEDIR) != 0 {
        throw .system(path, "cannot remove", errno)
      }
    }
  }

  /// The names in an open folder without `.` and `..`, in no order, as bytes.
  static func names(in folder: borrowing FileDescriptor) throws(SafetensorsError) -> [[UInt8]] {
    // The stream closes its descriptor, so it gets one of its own.
    let number = unsafe openat(folder.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    // SAFETY: the stream is checked for nil, used here alone and closed on every way out.
    guard number >= 0, let stream = unsafe fdopendir(number) else {
      throw .system(folder.path, "cannot list the folder", errno)
    }
    defer { _ = unsafe closedir(stream) }
    var names: [[UInt8]] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(stream) else {
        if errno != 0 { throw .system(folder.path, "cannot list the folder", errno) }
        return names
      }
      // SAFETY: the name ends in NUL within the record, which is valid until the next readdir.
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe Array(bytes.prefix { $0 != 0 })
      }
      if name != [0x2E] && name != [0x2E, 0x2E] { names.append(name) }
    }
  }
}
