#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// An open file or folder; it is closed when the value goes away.
///
/// Each method names the path in the errors that it throws.
struct FileDescriptor: ~Copyable, Sendable {
  /// What a path or a descriptor leads to.
  struct Status {
    let kind: FileKind
    let byteCount: Int
  }

  let number: Int32
  let path: String

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - path: the path, absolute or from the current folder.
  ///   - flags: as for `open`; that the descriptor is closed on `exec` is added.
  ///   - operation: what the errors say was tried.
  /// - Returns: the descriptor, owned by the caller.
  /// - Throws: ``SafetensorsError`` with the code that fits the system's answer.
  static func open(
    _ path: String, _ flags: Int32, operation: String
  ) throws(SafetensorsError) -> FileDescriptor {
    if path.utf8.contains(0) { throw .unsafePath(path, name: path, "the path holds a NUL") }
    while true {
      // SAFETY: the path is bridged to a text that ends in NUL and outlives the call.
      #if canImport(Glibc)
        let number = unsafe Glibc.open(path, flags | O_CLOEXEC, 0o666)
      #elseif canImport(Musl)
        let number = unsafe Musl.open(path, flags | O_CLOEXEC, 0o666)
      #else
        let number = unsafe Darwin.open(path, flags | O_CLOEXEC, 0o666)
      #endif
      if number >= 0 { return FileDescriptor(number: number, path: path) }
      if errno != EINTR { throw .system(path, operation, errno) }
    }
  }

  deinit { _ = close(number) }

  /// The kind and the size of what is open.
  func status() throws(SafetensorsError) -> Status {
    var status = stat()
    // SAFETY: fstat writes within the local variable.
    let result = unsafe fstat(number, &status)
    if result != 0 { throw .system(path, "cannot examine", errno) }
    return Status(kind: FileKind(mode: status.st_mode), byteCount: Int(status.st_size))
  }

  /// Fills a buffer from a position of the file, however many reads that takes.
  ///
  /// - Throws: ``SafetensorsError`` of code `fileShrank` when the file ends before.
  func read(into buffer: inout MutableRawSpan, at offset: Int) throws(SafetensorsError) {
    let count = buffer.byteCount
    // SAFETY: fill stays within the buffer, which is valid for the length of the closure.
    try unsafe buffer.withUnsafeMutableBytes { (bytes) throws(SafetensorsError) in
      let filled = try unsafe fill(bytes, at: offset)
      if filled < count {
        throw .fileShrank(path, expected: offset + count, actual: offset + filled)
      }
    }
  }

  /// Appends bytes from a position of the file until the output is full or the file ends.
  func read(into output: inout OutputSpan<UInt8>, at offset: Int) throws(SafetensorsError) {
    // SAFETY: fill initializes the first bytes of the free part and says how many.
    try unsafe output.withUnsafeMutableBufferPointer {
      (bytes, initialized) throws(SafetensorsError) in
      let free = unsafe UnsafeMutableRawBufferPointer(
        rebasing: UnsafeMutableRawBufferPointer(bytes)[initialized...])
      initialized += try unsafe fill(free, at: offset)
    }
  }

  /// Fills a buffer from a position of the file, unless that means waiting for a disk.
  ///
  /// - Returns: whether the buffer was filled; if not, its contents are of no use: some bytes are not
  ///   in memory, the file ends before, or the system does not tell (other systems than Linux, and
  ///   some file systems).
  func readFromMemory(into buffer: inout MutableRawSpan, at offset: Int) -> Bool {
    #if os(Linux)
      guard let read = unsafe Self.readWithFlags else { return false }
      // SAFETY: the call writes within the buffer, which is valid for the length of the closure.
      return unsafe buffer.withUnsafeMutableBytes { bytes in
        var piece = unsafe iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
        return unsafe read(number, &piece, 1, off_t(offset), Self.noWait) == bytes.count
      }
    #else
      return false
    #endif
  }

  #if os(Linux)
    private typealias ReadWithFlags =
      @convention(c) (Int32, UnsafePointer<iovec>, Int32, off_t, Int32) -> Int

    /// The system's `preadv2`. It is not among what Swift imports, since it is declared for programs
    /// that ask for GNU's additions only; so it is looked up, and absent where that does not work.
    private static let readWithFlags: ReadWithFlags? = {
      // SAFETY: preadv2(2) has this signature.
      unsafe dlsym(nil, "preadv2").map { unsafe unsafeBitCast($0, to: ReadWithFlags.self) }
    }()

    /// The flag `RWF_NOWAIT` of preadv2(2): end where bytes are not in memory.
    private static let noWait: Int32 = 8
  #endif

  /// Writes all bytes at a position of the file, however many writes that takes.
  func write(_ bytes: RawSpan, at offset: Int) throws(SafetensorsError) {
    // SAFETY: the writes stay within the buffer, which is valid for the length of the closure.
    try unsafe bytes.withUnsafeBytes { (buffer) throws(SafetensorsError) in
      var done = 0
      while done < buffer.count {
        let piece = unsafe UnsafeRawBufferPointer(
          rebasing: buffer[done..<min(buffer.count, done + Self.largestTransfer)])
        let count = unsafe pwrite(number, piece.baseAddress, piece.count, off_t(offset + done))
        if count > 0 {
          done += count
        } else if count == 0 {
          throw .system(path, "cannot write at byte \(offset + done)", ENOSPC)
        } else if errno != EINTR {
          throw .system(path, "cannot write at byte \(offset + done)", errno)
        }
      }
    }
  }

  /// Sets the size of the file and reserves room for it.
  func preallocate(_ byteCount: Int) throws(SafetensorsError) {
    while ftruncate(number, off_t(byteCount)) != 0 {
      if errno != EINTR { throw .system(path, "cannot set the size to \(byteCount)", errno) }
    }
    if byteCount > 0 { try reserve(byteCount) }
  }

  /// Waits until what was written is on the disk.
  func synchronize() throws(SafetensorsError) {
    while fsync(number) != 0 {
      if errno != EINTR { throw .system(path, "cannot flush to the disk", errno) }
    }
  }

  /// Tells the system that a range will be read soon; it may ignore that.
  func prefetch(_ range: Range<Int>) {
    #if os(Linux)
      // To the system, no length means all that follows.
      if range.isEmpty { return }
      _ = posix_fadvise(
        number, off_t(range.lowerBound), off_t(range.count), Int32(POSIX_FADV_WILLNEED))
    #endif
  }

  /// Tells the system that what is read will not be asked for often, so that it does not take the
  /// place of what others use; it may ignore that, and before Linux 6.3 it does.
  func adviseSingleUse() {
    #if os(Linux)
      _ = posix_fadvise(number, 0, 0, Int32(POSIX_FADV_NOREUSE))
    #endif
  }

  /// The kernel moves no more at once, and macOS refuses more than 2 GB.
  private static let largestTransfer = 1 << 30

  /// Reads until the buffer is full or the file ends; returns the number of bytes.
  private func fill(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(SafetensorsError) -> Int {
    var done = 0
    while done < buffer.count {
      // SAFETY: done < buffer.count, so the piece lies within the buffer.
      let piece = unsafe UnsafeMutableRawBufferPointer(
        rebasing: buffer[done..<min(buffer.count, done + Self.largestTransfer)])
      let count = unsafe pread(number, piece.baseAddress, piece.count, off_t(offset + done))
      if count > 0 {
        done += count
      } else if count == 0 {
        break
      } else if errno != EINTR {
        throw .system(path, "cannot read at byte \(offset + done)", errno)
      }
    }
    return done
  }

  /// Reserves room where the file system can.
  private func reserve(_ byteCount: Int) throws(SafetensorsError) {
    #if canImport(Glibc) || canImport(Musl)
      // Where the file system cannot reserve, glibc would write into every block instead; it does
      // not for a descriptor that appends. So the call is made on one, and EBADF means "cannot".
      guard
        let appending = try? FileDescriptor.open(
          path, O_WRONLY | O_APPEND, operation: "cannot open")
      else { return }
      while true {
        switch posix_fallocate(appending.number, 0, off_t(byteCount)) {
        case EINTR: continue
        case 0, EBADF, EOPNOTSUPP, ENOSYS, EINVAL: return
        case let number: throw .system(path, "cannot reserve \(byteCount) bytes", number)
        }
      }
    #endif
  }
}
