#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the system says of the terminal behind standard error.
enum Terminal {
  /// Whether standard error is a terminal.
  static var isStandardError: Bool { isatty(STDERR_FILENO) == 1 }

  /// The columns of the terminal behind standard error; 80 when it does not say.
  static var width: Int {
    var size = winsize()
    // SAFETY: the call writes within the local variable, of which it knows the size.
    guard unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return 80
    }
    return Int(size.ws_col)
  }
}
