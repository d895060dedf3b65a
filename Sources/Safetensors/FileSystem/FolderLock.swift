#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A lock that one process at a time can hold on a file; it ends with the process, however that
/// ends.
package final class FolderLock: Sendable {
  private let descriptor: FileDescriptor

  /// Makes the file if need be and takes the lock without waiting.
  ///
  /// - Parameter path: the path of the file.
  /// - Throws: ``SafetensorsError`` of code `alreadyExists` when another process holds it, or of
  ///   another code when the file cannot be made.
  package init(_ path: String) throws(SafetensorsError) {
    let descriptor = try FileDescriptor.open(
      path, O_RDWR | O_CREAT, operation: "cannot create the lock")
    if flock(descriptor.number, LOCK_EX | LOCK_NB) != 0 {
      throw .alreadyExists(
        path, "another process is writing here",
        hint: "wait for it to end, or choose another output")
    }
    self.descriptor = descriptor
  }

  /// Lets others take the lock.
  package func release() {
    _ = flock(descriptor.number, LOCK_UN)
  }
}
