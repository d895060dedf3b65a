#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that is open for writing at any position, from any number of tasks at once.
///
/// It is closed when the last reference goes away; ``synchronize()`` is what tells whether the
/// bytes reached the disk. Permissions are those of the process (0666 without its umask).
package final class OutputFile: Sendable {
  /// What to do with a file that is there already.
  package enum Existing: Sendable {
    /// Throw an error.
    case refuse
    /// Empty it.
    case truncate
    /// Keep its bytes, to go on writing where an earlier run stopped.
    case keep
  }

  /// The path with which the file was opened.
  package let path: String
  private let descriptor: FileDescriptor

  /// Creates a file, or opens one that is there.
  ///
  /// - Parameters:
  ///   - path: the path; its folder must exist.
  ///   - existing: what to do with a file that is there already.
  /// - Throws: ``SafetensorsError`` of code `alreadyExists`, `notFound`, `permissionDenied`,
  ///   `diskFull` or `systemFailure`.
  package init(creating path: String, existing: Existing = .refuse) throws(SafetensorsError) {
    let flags =
      switch existing {
      case .refuse: O_EXCL
      case .truncate: O_TRUNC
      case .keep: Int32(0)
      }
    descriptor = try FileDescriptor.open(
      path, O_WRONLY | O_CREAT | flags, operation: "cannot create")
    self.path = path
  }

  /// Sets the size of the file and reserves room for it, where the file system can.
  ///
  /// - Parameter byteCount: the size in bytes; new bytes are 0.
  /// - Throws: ``SafetensorsError`` of code `diskFull` or `systemFailure`.
  package func preallocate(byteCount: Int) throws(SafetensorsError) {
    try descriptor.preallocate(byteCount)
  }

  /// Writes bytes.
  ///
  /// - Parameters:
  ///   - bytes: what is written, all of it.
  ///   - offset: where in the file to start, in bytes.
  /// - Throws: ``SafetensorsError`` of code `diskFull` or `systemFailure`.
  package func write(_ bytes: RawSpan, at offset: Int) throws(SafetensorsError) {
    try descriptor.write(bytes, at: offset)
  }

  /// Writes the bytes of elements.
  ///
  /// - Parameters:
  ///   - elements: integers or floats, written in the byte order of the machine.
  ///   - offset: where in the file to start, in bytes.
  /// - Throws: ``SafetensorsError`` of code `diskFull` or `systemFailure`.
  package func write<Element: BitwiseCopyable>(
    _ elements: Span<Element>, at offset: Int
  ) throws(SafetensorsError) {
    // SAFETY: the elements are integers or floats, which have no padding.
    try descriptor.write(unsafe elements.bytes, at: offset)
  }

  /// Waits until everything that was written is on the disk.
  ///
  /// - Throws: ``SafetensorsError`` of code `diskFull` or `systemFailure`.
  package func synchronize() throws(SafetensorsError) {
    try descriptor.synchronize()
  }
}
