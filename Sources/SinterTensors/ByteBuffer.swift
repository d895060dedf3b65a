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

  /// Some bytes as elements.
  ///
  /// - Parameters:
  ///   - type: the element type: an integer or a float.
  ///   - offset: where the elements begin, in bytes; a multiple of their size.
  ///   - count: the number of elements; they must fit in the buffer.
  /// - Returns: the elements, for as long as the buffer is borrowed.
  @_lifetime(borrow self)
  public borrowing func elements<Element: BitwiseCopyable>(
    as type: Element.Type, at offset: Int = 0, count: Int
  ) -> Span<Element> {
    check(offset, count, MemoryLayout<Element>.stride)
    // SAFETY: the range and its alignment were checked, and the bytes are initialized; integers and
    // floats accept every bit pattern.
    let start = unsafe UnsafeRawPointer(storage.baseAddress.unsafelyUnwrapped + offset)
      .assumingMemoryBound(to: Element.self)
    let span = unsafe Span(_unsafeStart: start, count: count)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// Some bytes as elements, to be written.
  ///
  /// - Parameters:
  ///   - type: the element type: an integer or a float.
  ///   - offset: where the elements begin, in bytes; a multiple of their size.
  ///   - count: the number of elements; they must fit in the buffer.
  /// - Returns: the elements, for as long as the buffer is borrowed.
  @_lifetime(&self)
  public mutating func mutableElements<Element: BitwiseCopyable>(
    as type: Element.Type, at offset: Int = 0, count: Int
  ) -> MutableSpan<Element> {
    check(offset, count, MemoryLayout<Element>.stride)
    // SAFETY: as in elements(as:at:count:); the exclusive borrow of self keeps other accesses out.
    let start = unsafe (storage.baseAddress.unsafelyUnwrapped + offset)
      .assumingMemoryBound(to: Element.self)
    let span = unsafe MutableSpan(_unsafeStart: start, count: count)
    return unsafe _overrideLifetime(span, mutating: &self)
  }

  private func check(_ offset: Int, _ count: Int, _ width: Int) {
    precondition(
      offset >= 0 && count >= 0 && offset + count * width <= byteCount, "the buffer is too small")
    precondition(offset % width == 0, "the elements are not aligned")
  }
}
