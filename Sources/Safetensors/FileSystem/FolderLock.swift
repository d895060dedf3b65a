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
    while flock(descriptor.number, LOCK_EX | LOCK_NB) != 0 {
      switch errno {
      case EINTR: continue
      case EWOULDBLOCK: throw .isLocked(path)
      // Some network file systems have no locks; there, two runs into one folder go unnoticed.
      case ENOLCK, ENOSYS, EOPNOTSUPP: break
      default: throw .system(path, "cannot lock", errno)
      }
      break
    }
    // Between opening and locking, the holder may have removed the file: then this is the lock of
    // a file that nobody else will find.
    guard Self.leads(path, to: descriptor) else { throw .isLocked(path) }
    self.descriptor = descriptor
  }

  private static func leads(_ path: String, to descriptor: borrowing FileDescriptor) -> Bool {
    var open = stat()
    var named = stat()
    // SAFETY: the calls write within the local variables; the path is bridged to a text that ends
    // in NUL and outlives the call.
    guard unsafe fstat(descriptor.number, &open) == 0, unsafe stat(path, &named) == 0 else {
      return false
    }
    return open.st_ino == named.st_ino && open.st_dev == named.st_dev
  }

  /// Lets others take the lock.
  package func release() {
    _ = flock(descriptor.number, LOCK_UN)
  }
}

extension SafetensorsError {
  fileprivate static func isLocked(_ path: String) -> Self {
    .alreadyExists(
      path, "another process is writing here",
      hint: "wait for it to end, or choose another output")
  }
}
