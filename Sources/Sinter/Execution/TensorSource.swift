import Safetensors
import SinterTensors

/// Something with an element type and a shape that fills ranges of numbers.
///
/// Sources compose: one can stand on another and change what it yields, tile by tile, so that
/// nothing but tiles is ever held in memory.
protocol TensorSource: Sendable {
  /// The element type of what is stored.
  var dtype: DType { get }
  /// The shape.
  var shape: Shape { get }

  /// The bytes that ``load()`` reads; `nil` for a source that has nothing to load.
  var loadByteCount: Int? { get }

  /// Reads what all elements need, such as the factors of an update. Done once, by one worker, before
  /// elements are read.
  ///
  /// - Throws: `SafetensorsError` when a file cannot be read.
  func load() throws(SafetensorsError)

  /// Gives back what was loaded.
  func unload()

  /// The bytes that ``read(_:into:at:)`` takes for a number of elements.
  func byteCount(of elements: Int) -> Int

  /// Fetches what is stored of a range of elements, a run of tiles.
  ///
  /// - Parameters:
  ///   - elements: the elements, in row-major order.
  ///   - bytes: receives the stored bytes.
  ///   - offset: where in the buffer they go, a multiple of 64.
  /// - Throws: `SafetensorsError` when the file cannot be read.
  func read(
    _ elements: Range<Int>, into bytes: inout ByteBuffer, at offset: Int
  ) throws(SafetensorsError)

  /// Fills a row with elements of a run that was fetched, widened exactly.
  ///
  /// - Parameters:
  ///   - elements: the elements of one tile; as many as the row has.
  ///   - bytes: holds what ``read(_:into:at:)`` fetched.
  ///   - offset: where in the buffer the run lies.
  ///   - run: the elements that were fetched.
  ///   - row: the numbers to fill.
  /// - Returns: how many of them are NaN or infinite.
  @discardableResult
  func fill(
    _ elements: Range<Int>, from bytes: borrowing ByteBuffer, at offset: Int, of run: Range<Int>,
    into row: inout MutableSpan<Double>
  ) -> Int

  /// Says that elements will be read soon, so that a slow disk can begin.
  func prefetch(_ elements: Range<Int>)
}

extension TensorSource {
  var loadByteCount: Int? { nil }

  func load() {}

  func unload() {}
}

/// A tensor as it lies in a file.
struct StoredTensor: TensorSource {
  let file: InputFile
  let tensor: CheckpointTensor

  var dtype: DType { tensor.dtype }
  var shape: Shape { tensor.shape }

  func byteCount(of elements: Int) -> Int { elements * tensor.dtype.bitWidth / 8 }

  func read(
    _ elements: Range<Int>, into bytes: inout ByteBuffer, at offset: Int
  ) throws(SafetensorsError) {
    let range = byteCount(of: elements.lowerBound)..<byteCount(of: elements.upperBound)
    try readBytes(range, into: &bytes, at: offset)
  }

  @discardableResult
  func fill(
    _ elements: Range<Int>, from bytes: borrowing ByteBuffer, at offset: Int, of run: Range<Int>,
    into row: inout MutableSpan<Double>
  ) -> Int {
    Conversion.widen(
      bytes, at: offset + byteCount(of: elements.lowerBound - run.lowerBound), from: tensor.dtype,
      count: elements.count, into: &row)
  }

  func prefetch(_ elements: Range<Int>) {
    let range = elements.clamped(to: 0..<shape.elementCount)
    let start = tensor.bytes.lowerBound
    file.adviseWillNeed(
      start + byteCount(of: range.lowerBound)..<start + byteCount(of: range.upperBound))
  }

  /// Reads a range of the tensor's bytes to a place in a buffer.
  func readBytes(
    _ range: Range<Int>, into bytes: inout ByteBuffer, at offset: Int
  ) throws(SafetensorsError) {
    var target = bytes.mutableElements(as: UInt8.self, at: offset, count: range.count)
    try file.read(into: &target, at: tensor.bytes.lowerBound + range.lowerBound)
  }
}
