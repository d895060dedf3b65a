/// The yardstick of all loops: the C library's copy of memory.
struct MemoryCopy {
  /// The bytes that a copy beside loops reads and writes, whatever theirs are: what fits in the
  /// second-level cache and not in the first. Smaller copies are faster or slower by chance, as
  /// their places in memory fall.
  static let yardstick = 1 << 18

  private let source: [UInt8]
  private var target: [UInt8]

  /// Prepares a copy.
  ///
  /// - Parameter byteCount: the bytes that are read and those that are written, added up.
  init(byteCount: Int) {
    source = [UInt8](repeating: 1, count: byteCount / 2)
    target = [UInt8](repeating: 0, count: byteCount / 2)
  }

  /// Copies once.
  mutating func run() {
    // SAFETY: both are arrays of the same length, and different ones.
    unsafe target.withUnsafeMutableBytes { target in
      unsafe source.withUnsafeBytes { source in
        unsafe target.copyMemory(from: source)
      }
    }
  }
}
