public import SinterTensors

/// One tensor of a file: what it is and where its data lies.
public struct TensorDescriptor: Hashable, Sendable {
  /// The name, unique in its file.
  public let name: String
  /// The type of the elements.
  public let dtype: DType
  /// The extents; no axes for a scalar.
  public let shape: Shape
  /// The bytes of the data, counted from the end of the header.
  public let dataOffsets: Range<Int>

  init(name: String, dtype: DType, shape: Shape, dataOffsets: Range<Int>) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.dataOffsets = dataOffsets
  }

  /// The size of the data in bytes.
  public var byteCount: Int { dataOffsets.count }

  /// The number of elements, 1 for a scalar.
  public var elementCount: Int { shape.elementCount }

  /// Name, dtype and shape without the place.
  public var declaration: TensorDeclaration {
    TensorDeclaration(name: name, dtype: dtype, shape: shape)
  }

  /// The bytes that hold a range of elements, counted from the start of this tensor's data.
  ///
  /// - Parameter elements: a range within `0..<elementCount`; for dtypes narrower than a byte it
  ///   must begin and end on whole bytes.
  /// - Returns: a range within `0..<byteCount`.
  public func byteRange(ofElements elements: Range<Int>) -> Range<Int> {
    precondition(
      elements.lowerBound >= 0 && elements.upperBound <= elementCount,
      "elements \(elements) are not all in tensor '\(name)'")
    return byteOffset(ofElement: elements.lowerBound)..<byteOffset(ofElement: elements.upperBound)
  }

  private func byteOffset(ofElement index: Int) -> Int {
    if dtype.bitWidth % 8 == 0 { return index * (dtype.bitWidth / 8) }
    let (groups, rest) = index.quotientAndRemainder(dividingBy: 4)
    precondition(
      rest * dtype.bitWidth % 8 == 0,
      "element \(index) of tensor '\(name)' does not start at a whole byte")
    // Four elements of 4 or 6 bits fill whole bytes, and no product overflows.
    return groups * (dtype.bitWidth / 2) + rest * dtype.bitWidth / 8
  }
}

extension DType {
  /// The outcome of counting the bytes of a tensor.
  enum ByteCount {
    /// So many bytes.
    case bytes(Int)
    /// More than an `Int` can count.
    case overflow
    /// The last byte would be filled in part.
    case partialByte
  }

  /// The bytes that so many elements fill.
  func byteCount(of shape: Shape) -> ByteCount {
    guard let count = shape.checkedElementCount else { return .overflow }
    // Eight elements fill as many bytes as one element has bits.
    let (groups, rest) = count.quotientAndRemainder(dividingBy: 8)
    let (whole, overflow) = groups.multipliedReportingOverflow(by: bitWidth)
    let (total, overflowAtEnd) = whole.addingReportingOverflow(rest * bitWidth / 8)
    if overflow || overflowAtEnd { return .overflow }
    return rest * bitWidth % 8 == 0 ? .bytes(total) : .partialByte
  }
}
