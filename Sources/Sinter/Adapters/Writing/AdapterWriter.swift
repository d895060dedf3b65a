import Safetensors
import SinterTensors
import Synchronization

/// Writes the folder of an adapter: `adapter_config.json`, `adapter_model.safetensors` and what
/// tells of them.
///
/// Factors may come in any order and from any thread, and nothing has to be known of their ranks
/// before: their bytes go to a scratch file, and ``finish(_:files:)`` puts them into the weight file in
/// the order that it is given. The folder has the name `NAME.partial` until it is complete.
final class AdapterWriter: Sendable {
  /// Bytes that were put aside.
  struct Scratch: Sendable, Hashable {
    let range: Range<Int>
  }

  /// A tensor of the weight file.
  struct Tensor: Sendable {
    /// Where its bytes are.
    enum Source: Sendable {
      /// They were put aside by this writer.
      case scratch(Scratch)
      /// Pieces that were put aside, one after another, each filled up with zeros.
      case stacked([Scratch], byteCount: Int)
      /// Matrices that were put aside, whose columns alternate: the first of each, then the second.
      /// Those with fewer columns than the others are filled up with zeros.
      case alternating([Scratch], rows: Int, columns: Int)
      /// They are those of a tensor of a checkpoint.
      case stored(InputFile, CheckpointTensor)
    }

    /// The name in the file.
    let name: String
    let dtype: DType
    let shape: Shape
    let source: Source

    init(_ name: String, _ dtype: DType, _ shape: Shape, _ source: Source) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
      self.source = source
    }
  }

  private let output: CheckpointWriter
  private let scratch: OutputFile
  private let scratchSize = Mutex(0)

  /// The last component of the output's path.
  var name: String { output.name }

  private static let scratchName = ".scratch"
  private static let weightName = "adapter_model.safetensors"
  /// How many bytes are copied at a time.
  private static let copySize = 1 << 20

  /// Checks that the output can be made, and begins it.
  ///
  /// - Parameters:
  ///   - path: the output folder.
  ///   - overwrites: whether an existing output is replaced.
  ///   - inputPaths: the folders and files of the inputs, which must not be touched.
  ///   - byteCount: about how large the weight file will be, in bytes.
  /// - Throws: ``DiagnosticError`` of the kind output or input-output.
  init(
    path: String, overwrites: Bool, inputPaths: [String], byteCount: Int
  ) throws(DiagnosticError) {
    output = try CheckpointWriter(
      path: path, overwrites: overwrites, inputPaths: inputPaths, byteCount: 2 * byteCount)
    do throws(SafetensorsError) {
      scratch = try OutputFile(creating: output.path(of: Self.scratchName))
    } catch {
      output.discard()
      throw DiagnosticError(error)
    }
  }

  /// Puts numbers aside, each rounded once.
  ///
  /// - Parameters:
  ///   - values: the elements of a tensor, row-major.
  ///   - dtype: the element type: F64, F32, BF16 or F16.
  /// - Returns: where they are.
  /// - Throws: `SafetensorsError` when the disk is full or fails; ``AdapterWriter/Overflow`` when a
  ///   number does not fit in the type.
  func store<Value: WorkingFloat>(_ values: [Value], as dtype: DType) throws -> Scratch {
    let width = dtype.bitWidth / 8
    let start = scratchSize.withLock { size in
      defer { size += values.count * width }
      return size
    }
    let length = min(values.count, 1 << 16)
    var bytes = ByteBuffer(byteCount: length * width)
    var row = Tile<Double>(rows: 1, capacity: length)
    var place = 0
    while place < values.count {
      let count = min(length, values.count - place)
      row.resize(rows: 1, count: count)
      var numbers = row.mutableRow(0)
      let source = values.span
      for i in 0..<count { numbers[i] = Double(source[place + i]) }
      if Conversion.narrow(row[0], to: dtype, into: &bytes) > 0 { throw Overflow() }
      try scratch.write(
        bytes.elements(as: UInt8.self, count: count * width), at: start + place * width)
      place += count
    }
    return Scratch(range: start..<start + values.count * width)
  }

  /// A number is NaN, or does not fit in the element type.
  struct Overflow: Error {}

  /// Writes the weight file and the other files, and gives the folder its name.
  ///
  /// - Parameters:
  ///   - tensors: the tensors, in the order in which they stand in the file.
  ///   - files: the names and bytes of the other files.
  /// - Returns: what is worth knowing although the output is complete, and the size of the weight
  ///   file in bytes.
  /// - Throws: `SafetensorsError` when the disk is full or fails.
  func finish(
    _ tensors: [Tensor], files: [(name: String, bytes: [UInt8])]
  ) throws -> (remarks: [Diagnostic], byteCount: Int) {
    let path = output.path(of: Self.scratchName)
    let source = try InputFile(path: path)
    var writer = try SafetensorsWriter.create(
      at: output.path(of: Self.weightName),
      tensors: tensors.map {
        TensorDeclaration(name: $0.name, dtype: $0.dtype, shape: $0.shape)
      })
    let byteCount = writer.header.fileByteCount
    var bytes = ByteBuffer(byteCount: Self.copySize)
    for (place, tensor) in tensors.enumerated() {
      switch tensor.source {
      case .scratch(let stored):
        try Self.copy(source, stored.range, to: &writer, place, &bytes)
      case .stacked(let pieces, let byteCount):
        for (index, piece) in pieces.enumerated() {
          let start = index * byteCount
          try Self.copy(source, piece.range, to: &writer, place, at: start, &bytes)
          try Self.fill(
            start + piece.range.count..<start + byteCount, of: &writer, place, &bytes)
        }
      case .alternating(let pieces, let rows, let columns):
        try AlternatingColumns(
          pieces: pieces.map(\.range), rows: rows, columns: columns,
          width: tensor.dtype.bitWidth / 8
        ).copy(from: source, to: &writer, place)
      case .stored(let file, let tensor):
        try Self.copy(file, tensor.bytes, to: &writer, place, &bytes)
      }
    }
    try writer.finish()
    try FileItem.remove(path)
    for file in files { try output.write(file.bytes, to: file.name) }
    return (try output.finish(), byteCount)
  }

  private static func copy(
    _ file: InputFile, _ range: Range<Int>, to writer: inout SafetensorsWriter, _ tensor: Int,
    at offset: Int = 0, _ bytes: inout ByteBuffer
  ) throws {
    try Task.checkCancellation()
    for start in stride(from: range.lowerBound, to: range.upperBound, by: copySize) {
      let count = min(copySize, range.upperBound - start)
      var target = bytes.mutableElements(as: UInt8.self, count: count)
      try file.read(into: &target, at: start)
      try writer.write(
        bytes.elements(as: UInt8.self, count: count), tensor: tensor,
        at: offset + start - range.lowerBound)
    }
  }

  /// Writes zeros.
  private static func fill(
    _ range: Range<Int>, of writer: inout SafetensorsWriter, _ tensor: Int,
    _ bytes: inout ByteBuffer
  ) throws {
    for start in stride(from: range.lowerBound, to: range.upperBound, by: copySize) {
      let count = min(copySize, range.upperBound - start)
      var target = bytes.mutableElements(as: UInt8.self, count: count)
      for i in 0..<count { target[i] = 0 }
      try writer.write(bytes.elements(as: UInt8.self, count: count), tensor: tensor, at: start)
    }
  }

  /// Removes what was built.
  func discard() { output.discard() }
}
