import SinterTensors

/// The header of a safetensors file: what tensors it has and where their data lies.
///
/// A file is eight bytes with the length of the header (little endian), the header, which is a JSON
/// object, and the data. The data has no holes: the tensors follow each other without gaps. A
/// reader that wants aligned elements therefore depends on the order, and whoever writes a file
/// puts the dtypes with the widest elements first; the data as a whole starts at a multiple of 8,
/// and that of a large file at the start of a page of memory.
///
/// Reading and writing headers needs no file. Source:
/// <https://github.com/huggingface/safetensors>, section "Format".
public struct SafetensorsHeader: Hashable, Sendable {
  /// The longest header that the format allows, in bytes, without the eight before it.
  public static let lengthLimit = 100_000_000

  /// The text beside the tensors; `nil` when the file has none.
  public let metadata: SafetensorsMetadata?
  /// The tensors in the order of their data; those without data in the order of the header.
  public let tensors: [TensorDescriptor]
  /// The byte of the file where the data starts: 8 and the length of the header.
  public let dataStart: Int
  /// The place of each tensor by name.
  let positions: [ExactName: Int]

  init(
    metadata: SafetensorsMetadata?, tensors: [TensorDescriptor], dataStart: Int,
    positions: [ExactName: Int]
  ) {
    self.metadata = metadata
    self.tensors = tensors
    self.dataStart = dataStart
    self.positions = positions
  }

  /// The size of all data in bytes.
  public var dataByteCount: Int { tensors.last?.dataOffsets.upperBound ?? 0 }

  /// The size of the whole file in bytes.
  public var fileByteCount: Int { dataStart + dataByteCount }

  /// Lays out the data of a new file: one tensor after the other, in the order given.
  ///
  /// The order decides how elements are aligned in the file; give the dtypes with the widest
  /// elements first to have all of them aligned.
  ///
  /// - Parameters:
  ///   - declarations: the tensors in the order of their data.
  ///   - metadata: text to carry along; `nil` for none.
  ///   - file: the path of the file, for messages.
  /// - Throws: ``SafetensorsError`` when a name comes twice or is `__metadata__`, when a tensor does
  ///   not fill whole bytes, or when sizes or the header are beyond what the format can hold.
  public init(
    layingOut declarations: [TensorDeclaration], metadata: SafetensorsMetadata? = .pytorch,
    file: String
  ) throws(SafetensorsError) {
    var positions: [ExactName: Int] = [:]
    positions.reserveCapacity(declarations.count)
    var tensors: [TensorDescriptor] = []
    tensors.reserveCapacity(declarations.count)
    var offset = 0
    for declaration in declarations {
      let (name, dtype, shape) = (declaration.name, declaration.dtype, declaration.shape)
      if name == Self.metadataName { throw .reservedName(file, name) }
      guard positions.updateValue(tensors.count, forKey: ExactName(name)) == nil else {
        throw .duplicateName(file, name)
      }
      switch dtype.byteCount(of: shape) {
      case .partialByte: throw .partialByte(file, name, dtype, shape)
      case .overflow: throw .sizeOverflow(file, name, dtype, shape)
      case .bytes(let byteCount):
        let (end, overflow) = offset.addingReportingOverflow(byteCount)
        // Room for the header, so that no position in the file overflows either.
        if overflow || end > Int.max - 2 * Self.lengthLimit {
          throw .sizeOverflow(file, name, dtype, shape)
        }
        tensors.append(
          TensorDescriptor(name: name, dtype: dtype, shape: shape, dataOffsets: offset..<end))
        offset = end
      }
    }
    let length = Self.encodedBody(metadata: metadata, tensors: tensors).count
    if length > Self.lengthLimit { throw .headerTooLong(file, length: UInt64(length)) }
    self.init(
      metadata: metadata, tensors: tensors, dataStart: 8 + length, positions: positions)
  }

  /// The bytes that stand before the data: the length and the JSON, padded with spaces to a multiple
  /// of 8, and of 4096 before a megabyte of data or more.
  ///
  /// They are ``dataStart`` bytes when the header was laid out here. A header that was read from a
  /// file is written anew, which may differ in length from what stood there.
  public func encoded() -> [UInt8] {
    let body = Self.encodedBody(metadata: metadata, tensors: tensors)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + body.count)
    for shift in stride(from: 0, to: 64, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: UInt64(body.count) >> UInt64(shift)))
    }
    bytes += body
    return bytes
  }

  static let metadataName = "__metadata__"

  private static func encodedBody(
    metadata: SafetensorsMetadata?, tensors: [TensorDescriptor]
  ) -> [UInt8] {
    var body: [UInt8] = [UInt8(ascii: "{")]
    body.reserveCapacity(tensors.count * 128)
    if let metadata, !metadata.entries.isEmpty {
      JSONText.append(string: metadataName, to: &body)
      body.append(UInt8(ascii: ":"))
      let entries = metadata.entries.map { (key: $0.key, value: JSONText.string($0.value)) }
      JSONText.object(entries).append(to: &body, style: .compact)
    }
    for tensor in tensors {
      if body.count > 1 { body.append(UInt8(ascii: ",")) }
      JSONText.append(string: tensor.name, to: &body)
      let extents = tensor.shape.dimensions.map { String($0) }.joined(separator: ",")
      let (begin, end) = (tensor.dataOffsets.lowerBound, tensor.dataOffsets.upperBound)
      body += Array(#":{"dtype":"\#(tensor.dtype.rawValue)","shape":[\#(extents)],"#.utf8)
      body += Array(#""data_offsets":[\#(begin),\#(end)]}"#.utf8)
    }
    body.append(UInt8(ascii: "}"))
    let alignment = alignment(ofDataOf: tensors.last?.dataOffsets.upperBound ?? 0)
    let length = (8 + body.count + alignment - 1) / alignment * alignment - 8
    body.append(contentsOf: repeatElement(UInt8(ascii: " "), count: length - body.count))
    return body
  }

  /// Of what the start of the data is a multiple: whoever maps a large file, or writes it in pieces,
  /// deals in pages, and a page in which the header ends costs both as much as one more.
  private static func alignment(ofDataOf byteCount: Int) -> Int {
    byteCount < 1 << 20 ? 8 : 4096
  }
}
