import SinterTensors

/// The faults of a header in words, one factory for each.
extension SafetensorsError {
  static func fileTooShort(_ file: String, byteCount: Int) -> Self {
    Self(
      code: .fileTooShort, file: file,
      detail: "expected at least 8 bytes, the file has \(byteCount)",
      hint: "this is not a safetensors file, or its download was cut off")
  }

  static func headerTooLong(_ file: String, length: UInt64) -> Self {
    // A pointer of Git LFS begins with the word 'version' and a space.
    let isPointer = length == 0x206E_6F69_7372_6576
    return Self(
      code: .headerTooLong, file: file,
      detail: "the header is \(length) bytes long, at most \(SafetensorsHeader.lengthLimit) are "
        + "allowed",
      hint: isPointer
        ? "this is a pointer of Git LFS, not the file itself: fetch it with 'git lfs pull'"
        : "this is probably not a safetensors file")
  }

  static func headerBeyondFile(_ file: String, dataStart: Int, byteCount: Int) -> Self {
    Self(
      code: .headerBeyondFile, file: file,
      detail: "the header ends at byte \(dataStart), but the file has \(byteCount) bytes",
      hint: "the file is truncated: download it again")
  }

  static func headerNotJSON(_ file: String, tensor: String?, _ error: JSONError) -> Self {
    switch error.code {
    case .invalidUTF8:
      Self(
        code: .headerNotUTF8, file: file, tensor: tensor,
        detail: "the header is not UTF-8: \(error)")
    default:
      Self(
        code: .headerNotJSON, file: file, tensor: tensor,
        detail: "the header is not valid JSON: \(error)")
    }
  }

  static func headerNotObject(_ file: String) -> Self {
    Self(
      code: .headerNotObject, file: file, detail: "the header does not start with '{'",
      hint: "this is probably not a safetensors file")
  }

  static func duplicateName(_ file: String, _ tensor: String) -> Self {
    Self(code: .duplicateName, file: file, tensor: tensor, detail: "the name comes twice")
  }

  static func reservedName(_ file: String, _ tensor: String) -> Self {
    Self(
      code: .reservedName, file: file, tensor: tensor,
      detail: "the format keeps this name for metadata")
  }

  static func malformedMetadata(_ file: String, _ detail: String) -> Self {
    Self(code: .malformedMetadata, file: file, detail: "'__metadata__': \(detail)")
  }

  static func malformedTensor(_ file: String, _ tensor: String, _ detail: String) -> Self {
    Self(code: .malformedTensor, file: file, tensor: tensor, detail: detail)
  }

  static func unknownDType(_ file: String, _ tensor: String, _ name: String) -> Self {
    let known = DType.allCases.map { $0.rawValue }.joined(separator: ", ")
    return Self(
      code: .unknownDType, file: file, tensor: tensor, detail: "unknown dtype '\(name)'",
      hint: "known are \(known)")
  }

  static func invalidNumber(
    _ file: String, _ tensor: String, key: String, found: String
  ) -> Self {
    Self(
      code: .invalidNumber, file: file, tensor: tensor,
      detail: "'\(key)' expects integers from 0 to \(Int.max), found \(found)")
  }

  static func sizeOverflow(_ file: String, _ tensor: String, _ dtype: DType, _ shape: Shape) -> Self
  {
    Self(
      code: .sizeOverflow, file: file, tensor: tensor,
      detail: "shape \(shape) of \(dtype.rawValue) has more bytes than 64 bits can count")
  }

  static func partialByte(_ file: String, _ tensor: String, _ dtype: DType, _ shape: Shape) -> Self
  {
    Self(
      code: .partialByte, file: file, tensor: tensor,
      detail: "shape \(shape) of \(dtype.rawValue) does not fill whole bytes")
  }

  static func offsetsReversed(_ file: String, _ tensor: String, _ begin: Int, _ end: Int) -> Self {
    Self(
      code: .offsetsReversed, file: file, tensor: tensor,
      detail: "data_offsets [\(begin), \(end)] end before they start")
  }

  static func sizeMismatch(_ file: String, _ tensor: TensorDescriptor, expected: Int) -> Self {
    Self(
      code: .sizeMismatch, file: file, tensor: tensor.name,
      detail: "shape \(tensor.shape) of \(tensor.dtype.rawValue) has \(expected) bytes, but "
        + "data_offsets [\(tensor.dataOffsets.lowerBound), \(tensor.dataOffsets.upperBound)] "
        + "cover \(tensor.dataOffsets.count)")
  }

  static func hole(_ file: String, _ tensor: TensorDescriptor, expected: Int) -> Self {
    Self(
      code: .hole, file: file, tensor: tensor.name,
      detail: "data starts at offset \(tensor.dataOffsets.lowerBound), expected \(expected): "
        + "\(tensor.dataOffsets.lowerBound - expected) bytes before it belong to no tensor")
  }

  static func overlap(_ file: String, _ tensor: TensorDescriptor, with other: String) -> Self {
    Self(
      code: .overlap, file: file, tensor: tensor.name,
      detail: "data from offset \(tensor.dataOffsets.lowerBound) overlaps that of tensor "
        + "'\(other)'")
  }

  /// The tensor's data ends at byte `end` of a file that would have `expected` bytes, were it whole.
  static func truncated(
    _ file: String, _ tensor: String, end: Int, expected: Int, byteCount: Int
  ) -> Self {
    Self(
      code: .truncated, file: file, tensor: tensor,
      detail: "data ends at byte \(end), but the file has \(byteCount) bytes",
      hint: "the file is truncated (\(ByteCountText(byteCount, of: expected))): download it again")
  }

  static func trailingBytes(_ file: String, expected: Int, byteCount: Int) -> Self {
    Self(
      code: .trailingBytes, file: file,
      detail: "the data ends at byte \(expected), but the file has \(byteCount) bytes",
      hint: "the last \(byteCount - expected) bytes belong to no tensor")
  }
}
