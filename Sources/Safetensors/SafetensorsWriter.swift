/// Writes a safetensors file whose tensors are known beforehand.
///
/// The bytes go to `PATH.partial`, which takes its final name when ``finish()`` has made sure that
/// they are on the disk. A writer that goes away without being finished removes what it wrote, so
/// under the final name there is never half a file.
///
/// ```swift
/// var writer = try SafetensorsWriter.create(
///   at: "model.safetensors",
///   tensors: [TensorDeclaration(name: "bias", dtype: .float32, shape: [2])])
/// try writer.write([0.5 as Float, 1].span, tensor: 0)
/// try writer.finish()
/// ```
public struct SafetensorsWriter: ~Copyable, Sendable {
  /// What to do with a file that has the final name already.
  public enum Existing: Sendable {
    /// Throw an error and leave it alone.
    case refuse
    /// Replace it when the new file is complete.
    case replace
  }

  /// The final path.
  public let path: String
  /// The header as it was written: where the data of each tensor goes.
  public let header: SafetensorsHeader

  private let file: OutputFile
  private let existing: Existing
  private var coverage: [ByteCoverage]
  private var isFinished = false

  private init(
    path: String, header: SafetensorsHeader, file: OutputFile, existing: Existing
  ) {
    self.path = path
    self.header = header
    self.file = file
    self.existing = existing
    coverage = Array(repeating: ByteCoverage(), count: header.tensors.count)
  }

  deinit {
    // The error that led here matters more than one of the removal.
    if !isFinished { try? FileItem.remove(file.path) }
  }

  /// Starts a file: writes its header and reserves room for its data.
  ///
  /// The data of the tensors stands in the order given and without gaps. To have every tensor
  /// aligned, give the dtypes with the widest elements first.
  ///
  /// - Parameters:
  ///   - path: the final path; its folder must exist. A file `PATH.partial` is overwritten.
  ///   - tensors: the tensors in the order of their data; names must differ.
  ///   - metadata: text to carry along; `nil` for none.
  ///   - existing: what to do with a file that has this path already.
  /// - Returns: a writer that waits for the data.
  /// - Throws: ``SafetensorsError`` when the tensors break a rule of the format, the file exists
  ///   and is not to be replaced, or the disk is full or fails.
  public static func create(
    at path: String, tensors: [TensorDeclaration], metadata: SafetensorsMetadata? = .pytorch,
    existing: Existing = .refuse
  ) throws(SafetensorsError) -> SafetensorsWriter {
    let header = try SafetensorsHeader(layingOut: tensors, metadata: metadata, file: path)
    if existing == .refuse, FileItem.exists(at: path) { throw .alreadyExists(path) }
    let file = try OutputFile(creating: path + ".partial", existing: .truncate)
    // From here on the deinitializer cleans up when something fails.
    let writer = SafetensorsWriter(path: path, header: header, file: file, existing: existing)
    try file.preallocate(byteCount: header.fileByteCount)
    let encoded = header.encoded()
    try file.write(encoded.span, at: 0)
    return writer
  }

  /// Writes elements of a tensor.
  ///
  /// - Parameters:
  ///   - elements: integers or floats whose bytes are written as they are (little endian); they
  ///     must fit in the tensor.
  ///   - index: the position of the tensor in the list that the writer was made with.
  ///   - byteOffset: where to start, in bytes from the start of the tensor's data.
  /// - Throws: ``SafetensorsError`` of code `diskFull` or `systemFailure`.
  public mutating func write<Element: BitwiseCopyable>(
    _ elements: Span<Element>, tensor index: Int, at byteOffset: Int = 0
  ) throws(SafetensorsError) {
    let byteCount = elements.count * MemoryLayout<Element>.stride
    let position = position(of: byteCount, tensor: index, at: byteOffset)
    do throws(SafetensorsError) {
      try file.write(elements, at: position)
    } catch {
      throw error.naming(header.tensors[index].name)
    }
    coverage[index].insert(byteOffset..<byteOffset + byteCount)
  }

  /// Writes bytes of a tensor.
  ///
  /// - Parameters:
  ///   - bytes: what is written, all of it; it must fit in the tensor.
  ///   - index: the position of the tensor in the list that the writer was made with.
  ///   - byteOffset: where to start, in bytes from the start of the tensor's data.
  /// - Throws: ``SafetensorsError`` of code `diskFull` or `systemFailure`.
  public mutating func write(
    _ bytes: RawSpan, tensor index: Int, at byteOffset: Int = 0
  ) throws(SafetensorsError) {
    let position = position(of: bytes.byteCount, tensor: index, at: byteOffset)
    do throws(SafetensorsError) {
      try file.write(bytes, at: position)
    } catch {
      throw error.naming(header.tensors[index].name)
    }
    coverage[index].insert(byteOffset..<byteOffset + bytes.byteCount)
  }

  /// Waits until the file is on the disk and gives it its final name.
  ///
  /// When this throws, nothing is left of the file.
  ///
  /// - Throws: ``SafetensorsError`` of code `incomplete` when bytes of a tensor were never written,
  ///   `alreadyExists` when another file took the name meanwhile, `diskFull` or `systemFailure`.
  public consuming func finish() throws(SafetensorsError) {
    for (tensor, coverage) in zip(header.tensors, coverage) {
      if let gap = coverage.firstGap(of: tensor.byteCount) {
        throw .incomplete(path, tensor, from: gap)
      }
    }
    try file.synchronize()
    if existing == .refuse, FileItem.exists(at: path) { throw .alreadyExists(path) }
    try FileItem.rename(file.path, to: path)
    isFinished = true
    try Folder(PathText.parent(path)).synchronize()
  }

  private func position(of byteCount: Int, tensor index: Int, at byteOffset: Int) -> Int {
    let tensor = header.tensors[index]
    precondition(
      byteOffset >= 0 && byteOffset <= tensor.byteCount
        && byteCount <= tensor.byteCount - byteOffset,
      "\(byteCount) bytes at \(byteOffset) do not fit in tensor '\(tensor.name)'")
    return header.dataStart + tensor.dataOffsets.lowerBound + byteOffset
  }
}

extension SafetensorsError {
  static func alreadyExists(_ file: String) -> Self {
    Self(code: .alreadyExists, file: file, detail: "the file exists already")
  }

  static func incomplete(_ file: String, _ tensor: TensorDescriptor, from byte: Int) -> Self {
    Self(
      code: .incomplete, file: file, tensor: tensor.name,
      detail: "the file was finished, but of the tensor's \(tensor.byteCount) bytes those from "
        + "byte \(byte) were not written")
  }
}
