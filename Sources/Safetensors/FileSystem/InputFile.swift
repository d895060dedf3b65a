import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that is open for reading at any position, from any number of tasks at once.
///
/// It is closed when the last reference goes away.
package final class InputFile: Sendable {
  /// The path with which the file was opened.
  package let path: String
  /// The size when the file was opened, in bytes.
  package let byteCount: Int
  private let descriptor: FileDescriptor
  /// Whether some read found bytes that are not in memory, or could not tell.
  private let isOnDisk = Atomic(false)

  /// Opens a regular file.
  ///
  /// - Parameter path: the path; symbolic links are followed.
  /// - Throws: ``SafetensorsError`` of code `notFound`, `permissionDenied`, `notFile` or
  ///   `systemFailure`.
  package init(path: String) throws(SafetensorsError) {
    // Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    let descriptor = try FileDescriptor.open(
      path, O_RDONLY | O_NONBLOCK, operation: "cannot open")
    let status = try descriptor.status()
    guard status.kind == .file else { throw .notFile(path) }
    self.path = path
    byteCount = status.byteCount
    self.descriptor = descriptor
  }

  /// Fills a buffer.
  ///
  /// - Parameters:
  ///   - destination: what is filled, all of it.
  ///   - offset: where in the file to start, in bytes.
  /// - Throws: ``SafetensorsError`` of code `fileShrank` when the file ends before the buffer is
  ///   full, or `systemFailure`.
  package func read(
    into destination: inout MutableRawSpan, at offset: Int
  ) throws(SafetensorsError) {
    try fill(&destination, at: offset)
  }

  /// Fills a buffer of elements with their bytes.
  ///
  /// - Parameters:
  ///   - destination: what is filled, all of it: integers or floats.
  ///   - offset: where in the file to start, in bytes.
  /// - Throws: as ``read(into:at:)-(MutableRawSpan,_)``.
  package func read<Element: BitwiseCopyable>(
    into destination: inout MutableSpan<Element>, at offset: Int
  ) throws(SafetensorsError) {
    // SAFETY: the elements are integers or floats: no padding, and every bit pattern is a value.
    var bytes = unsafe destination.mutableBytes
    try fill(&bytes, at: offset)
  }

  /// Reads a range into an array.
  ///
  /// - Parameter range: a range of the file, in bytes.
  /// - Returns: as many bytes as the range has.
  /// - Throws: ``SafetensorsError`` of code `fileShrank` when the file ends before the range does,
  ///   or `systemFailure`.
  package func bytes(in range: Range<Int>) throws(SafetensorsError) -> [UInt8] {
    let bytes = try [UInt8](capacity: range.count) {
      (output: inout OutputSpan<UInt8>) throws(SafetensorsError) in
      try descriptor.read(into: &output, at: range.lowerBound)
    }
    if bytes.count < range.count {
      throw .fileShrank(
        path, expected: range.upperBound, actual: range.lowerBound + bytes.count)
    }
    return bytes
  }

  /// Says that what is read will not be asked for often: it should not push out of the system's
  /// cache what is.
  package func adviseSingleUse() {
    descriptor.adviseSingleUse()
  }

  /// Says that a range will be read soon.
  ///
  /// The system is told once a read has found bytes that are not in memory. Until then it would look
  /// up every page, to find that there is nothing to do.
  package func adviseWillNeed(_ range: Range<Int>) {
    if isOnDisk.load(ordering: .relaxed) { descriptor.prefetch(range) }
  }

  private func fill(
    _ destination: inout MutableRawSpan, at offset: Int
  ) throws(SafetensorsError) {
    if !isOnDisk.load(ordering: .relaxed) {
      if descriptor.readFromMemory(into: &destination, at: offset) { return }
      isOnDisk.store(true, ordering: .relaxed)
    }
    try descriptor.read(into: &destination, at: offset)
  }
}
