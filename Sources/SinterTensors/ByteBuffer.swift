/// Bytes as they stand in a file, 64-byte aligned, to be viewed as elements of any width.
///
/// A worker makes one buffer and reads every tile into it, so that reading allocates nothing.
@safe
public struct ByteBuffer: ~Copyable {
  private let storage: UnsafeMutableRawBufferPointer

  /// The number of bytes.
  public let byteCount: Int

  /// Allocates a buffer, filled with zeros.
  ///
  /// - Parameter byteCount: the size in bytes, at least 0.
  public init(byteCount: Int) {
    precondition(byteCount >= 0, "a buffer has no negative size")
    self.byteCount = byteCount
    // SAFETY: the allocation is owned by this value alone and freed in deinit.
    unsafe storage = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(byteCount, 64), alignment: 64)
    unsafe storage.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit {
    // SAFETY: allocated in init and never handed out beyond the lifetime of this value.
    unsafe storage.deallocate()
  }

  /// The first bytes as elements.
  ///
  /// - Parameters:
  ///   - type: the element type: an integer or a float.
  ///   - count: the number of elements; they must fit in the buffer.
  /// - Returns: the elements, for as long as the buffer is borrowed.
  @_lifetime(borrow self)
  public borrowing func elements<Element: BitwiseCopyable>(
    as type: Element.Type, count: Int
  ) -> Span<Element> {
    precondition(
      count >= 0 && count * MemoryLayout<Element>.stride <= byteCount, "the buffer is too small")
    // SAFETY: the range was checked, 64-byte alignment suits every element type, and the bytes are
    // initialized; integers and floats accept every bit pattern.
    let start = unsafe UnsafeRawPointer(storage.baseAddress.unsafelyUnwrapped)
      .assumingMemoryBound(to: Element.self)
    let span = unsafe Span(_unsafeStart: start, count: count)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// The first bytes as elements, to be written.
  ///
  /// - Parameters:
  ///   - type: the element type: an integer or a float.
  ///   - count: the number of elements; they must fit in the buffer.
  /// - Returns: the elements, for as long as the buffer is borrowed.
  @_lifetime(&self)
  public mutating func mutableElements<Element: BitwiseCopyable>(
    as type: Element.Type, count: Int
  ) -> MutableSpan<Element> {
    precondition(
      count >= 0 && count * MemoryLayout<Element>.stride <= byteCount, "the buffer is too small")
    // SAFETY: as in elements(as:count:); the exclusive borrow of self keeps other accesses out.
    let start = unsafe storage.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Element.self)
    let span = unsafe MutableSpan(_unsafeStart: start, count: count)
    return unsafe _overrideLifetime(span, mutating: &self)
  }
}
