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

  /// Fills a row with a range of elements in row-major order, widened exactly.
  ///
  /// - Parameters:
  ///   - elements: the elements to read; as many as the row has.
  ///   - row: the numbers to fill.
  ///   - bytes: room for the stored bytes of that many elements.
  /// - Throws: `SafetensorsError` when the file cannot be read.
  func read(
    _ elements: Range<Int>, into row: inout MutableSpan<Double>, bytes: inout ByteBuffer
  ) throws(SafetensorsError)
}

/// A tensor as it lies in a file.
struct StoredTensor: TensorSource {
  let file: InputFile
  let tensor: CheckpointTensor

  var dtype: DType { tensor.dtype }
  var shape: Shape { tensor.shape }

  func read(
    _ elements: Range<Int>, into row: inout MutableSpan<Double>, bytes: inout ByteBuffer
  ) throws(SafetensorsError) {
    let width = tensor.dtype.bitWidth / 8
    try readBytes(
      elements.lowerBound * width..<elements.upperBound * width, into: &bytes)
    Conversion.widen(bytes, from: tensor.dtype, count: elements.count, into: &row)
  }

  /// Reads a range of the tensor's bytes to the start of a buffer.
  func readBytes(_ range: Range<Int>, into bytes: inout ByteBuffer) throws(SafetensorsError) {
    var target = bytes.mutableElements(as: UInt8.self, count: range.count)
    try file.read(into: &target, at: tensor.bytes.lowerBound + range.lowerBound)
  }
}
