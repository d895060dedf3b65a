/// A safetensors file that is open for reading.
///
/// The header is read and checked when the file is opened; data is read when it is asked for, at any
/// position and from any number of tasks at once. The file is not mapped into memory: one that
/// shrinks while it is read gives an error. It is closed when the last copy of the value goes away.
///
/// ```swift
/// let file = try SafetensorsFile(path: "model.safetensors")
/// for tensor in file.tensors { print(tensor.name, tensor.dtype, tensor.shape) }
/// if let norm = file.tensor(named: "model.norm.weight") {
///   let bytes = try file.bytes(of: norm)
/// }
/// ```
public struct SafetensorsFile: Sendable {
  /// The header, checked.
  public let header: SafetensorsHeader
  /// The file itself, for reads that are not of one tensor.
  package let input: InputFile

  /// Opens a file and checks its header.
  ///
  /// - Parameter path: the path; symbolic links are followed.
  /// - Throws: ``SafetensorsError`` when the file cannot be read or its header breaks a rule of the
  ///   format; see ``SafetensorsHeader/init(parsing:fileByteCount:file:)``.
  public init(path: String) throws(SafetensorsError) {
    let input = try InputFile(path: path)
    let prefix = try input.bytes(in: 0..<min(8, input.byteCount))
    let dataStart = try SafetensorsHeader.dataStart(
      prefix: prefix, fileByteCount: input.byteCount, file: path)
    header = try SafetensorsHeader(
      parsing: try input.bytes(in: 0..<dataStart), fileByteCount: input.byteCount, file: path)
    self.input = input
  }

  /// The path with which the file was opened.
  public var path: String { input.path }

  /// The tensors in the order of their data.
  public var tensors: [TensorDescriptor] { header.tensors }

  /// The text beside the tensors; `nil` when the file has none.
  public var metadata: SafetensorsMetadata? { header.metadata }

  /// Looks up a tensor.
  ///
  /// - Parameter name: the name, compared byte by byte.
  /// - Returns: the tensor, or `nil` when the file has none of this name.
  /// - Complexity: constant on average, whatever the number of tensors.
  public func tensor(named name: String) -> TensorDescriptor? {
    header.positions[ExactName(name)].map { header.tensors[$0] }
  }

  /// Reads all data of a tensor.
  ///
  /// - Parameter tensor: a tensor of this file.
  /// - Returns: ``TensorDescriptor/byteCount`` bytes, little endian.
  /// - Throws: ``SafetensorsError`` of code `fileShrank` or `systemFailure`.
  public func bytes(of tensor: TensorDescriptor) throws(SafetensorsError) -> [UInt8] {
    let start = position(of: 0..<tensor.byteCount, in: tensor)
    do throws(SafetensorsError) {
      return try input.bytes(in: start..<start + tensor.byteCount)
    } catch {
      throw error.naming(tensor.name)
    }
  }

  /// Reads a range of a tensor's bytes into memory of the caller.
  ///
  /// - Parameters:
  ///   - tensor: a tensor of this file.
  ///   - bytes: a range within `0..<tensor.byteCount`.
  ///   - destination: memory of as many bytes; all of it is filled.
  /// - Throws: ``SafetensorsError`` of code `fileShrank` or `systemFailure`; what the destination
  ///   then holds is undefined.
  public func read(
    _ tensor: TensorDescriptor, bytes: Range<Int>, into destination: inout MutableRawSpan
  ) throws(SafetensorsError) {
    precondition(
      destination.byteCount == bytes.count, "the destination is not as long as the range")
    let start = position(of: bytes, in: tensor)
    do throws(SafetensorsError) {
      try input.read(into: &destination, at: start)
    } catch {
      throw error.naming(tensor.name)
    }
  }

  /// Reads a range of a tensor's bytes into elements of the caller.
  ///
  /// - Parameters:
  ///   - tensor: a tensor of this file.
  ///   - bytes: a range within `0..<tensor.byteCount`.
  ///   - destination: integers or floats that take up as many bytes; all of them are filled, as
  ///     they stand in the file (little endian).
  /// - Throws: ``SafetensorsError`` of code `fileShrank` or `systemFailure`; what the destination
  ///   then holds is undefined.
  public func read<Element: BitwiseCopyable>(
    _ tensor: TensorDescriptor, bytes: Range<Int>, into destination: inout MutableSpan<Element>
  ) throws(SafetensorsError) {
    precondition(
      destination.count * MemoryLayout<Element>.stride == bytes.count,
      "the destination is not as long as the range")
    let start = position(of: bytes, in: tensor)
    do throws(SafetensorsError) {
      try input.read(into: &destination, at: start)
    } catch {
      throw error.naming(tensor.name)
    }
  }

  /// Reads a range of a tensor's elements, as they stand in the file, into elements of the caller.
  ///
  /// - Parameters:
  ///   - tensor: a tensor of this file.
  ///   - elements: a range within `0..<tensor.elementCount`; for dtypes narrower than a byte it
  ///     must begin and end on whole bytes.
  ///   - destination: integers or floats that take up as many bytes as the elements do: as many
  ///     `UInt16` for BF16 and F16, for example, or two `UInt8` for each.
  /// - Throws: ``SafetensorsError`` of code `fileShrank` or `systemFailure`; what the destination
  ///   then holds is undefined.
  public func read<Element: BitwiseCopyable>(
    _ tensor: TensorDescriptor, elements: Range<Int>,
    into destination: inout MutableSpan<Element>
  ) throws(SafetensorsError) {
    try read(tensor, bytes: tensor.byteRange(ofElements: elements), into: &destination)
  }

  /// Where in the file a range of a tensor's bytes starts.
  private func position(of bytes: Range<Int>, in tensor: TensorDescriptor) -> Int {
    precondition(
      tensor.dataOffsets.upperBound <= header.dataByteCount,
      "tensor '\(tensor.name)' is not of this file")
    precondition(
      bytes.lowerBound >= 0 && bytes.upperBound <= tensor.byteCount,
      "bytes \(bytes) are not all in tensor '\(tensor.name)'")
    return header.dataStart + tensor.dataOffsets.lowerBound + bytes.lowerBound
  }
}
