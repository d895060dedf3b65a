#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The faults of files and folders in words.
extension SafetensorsError {
  /// A system call that failed.
  ///
  /// - Parameters:
  ///   - file: the path that the call was about.
  ///   - operation: what was tried, such as `cannot open`.
  ///   - number: the value of `errno`.
  /// - Returns: the error, with the system's own words for the number.
  static func system(_ file: String, _ operation: String, _ number: Int32) -> Self {
    let code: Code
    var hint: String?
    switch number {
    case ENOENT: code = .notFound
    case EACCES, EPERM, EROFS: code = .permissionDenied
    case EEXIST: code = .alreadyExists
    case ENOTDIR: code = .notFolder
    case EISDIR: code = .notFile
    case ENOSPC, EDQUOT:
      code = .diskFull
      hint = "free some space, or write to another disk"
    default: code = .systemFailure
    }
    // SAFETY: strerror returns a text that ends in NUL and is copied at once.
    let message = unsafe String(cString: strerror(number))
    let detail = "\(operation): \(message.prefix(1).lowercased())\(message.dropFirst())"
    return Self(code: code, file: file, detail: detail, hint: hint)
  }

  static func notFile(_ file: String) -> Self {
    Self(code: .notFile, file: file, detail: "expected a regular file")
  }

  static func fileShrank(_ file: String, expected: Int, actual: Int) -> Self {
    Self(
      code: .fileShrank, file: file,
      detail: "the file ended at byte \(actual) while bytes up to \(expected) were read",
      hint: "it became shorter after it was opened: is another program writing it?")
  }

  static func fileTooLarge(_ file: String, limit: Int, byteCount: Int) -> Self {
    Self(
      code: .fileTooLarge, file: file,
      detail: "the file has \(byteCount) bytes, at most \(limit) are expected")
  }

  static func unsafePath(_ file: String, name: String, _ fault: String) -> Self {
    Self(code: .unsafePath, file: file, detail: "file name '\(name)': \(fault)")
  }
}

extension SafetensorsError {
  /// Something is there that must not be overwritten.
  ///
  /// - Parameters:
  ///   - file: the path.
  ///   - detail: what it is.
  ///   - hint: what to do about it.
  /// - Returns: the error.
  package static func alreadyExists(_ file: String, _ detail: String, hint: String?) -> Self {
    Self(code: .alreadyExists, file: file, detail: detail, hint: hint)
  }

  /// The disk has no room for what is to be written.
  ///
  /// - Parameters:
  ///   - folder: the folder that is written to.
  ///   - needed: the bytes that are needed.
  ///   - free: the bytes that are free.
  /// - Returns: the error.
  package static func diskFull(_ folder: String, needed: Int, free: Int) -> Self {
    Self(
      code: .diskFull, file: folder,
      detail: "the output needs \(ByteCountText(needed)), the disk has \(ByteCountText(free)) free",
      hint: "free some space, or write to another disk")
  }
}
