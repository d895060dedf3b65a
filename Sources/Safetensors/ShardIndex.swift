/// The index of a checkpoint that is split into shards: which tensor is in which file.
///
/// Source: `model.safetensors.index.json` as written by the transformers library.
public struct ShardIndex: Hashable, Sendable {
  /// A tensor and its file.
  public struct Entry: Hashable, Sendable {
    /// The name of the tensor, unique in the index.
    public let tensor: String
    /// The name of the file, relative to the folder of the index.
    public let file: String

    /// Makes an entry.
    ///
    /// - Parameters:
    ///   - tensor: the name of the tensor, unique in the index.
    ///   - file: the name of the file, relative to the folder of the index.
    public init(tensor: String, file: String) {
      self.tensor = tensor
      self.file = file
    }
  }

  /// The tensors in the order of the index.
  public let entries: [Entry]
  /// The bytes of all tensors together, as the index has it; `nil` when it does not say.
  public let totalSize: Int?
  private let positions: [ExactName: Int]

  /// Makes an index.
  ///
  /// - Parameters:
  ///   - entries: the tensors in the order in which they are written.
  ///   - totalSize: the bytes of all tensors together; `nil` to leave it out.
  ///   - path: the path of the index, for messages.
  /// - Throws: ``SafetensorsError`` of code `duplicateName` when a tensor comes twice, or
  ///   `unsafePath` when the name of a file leads out of the folder.
  public init(entries: [Entry], totalSize: Int?, path: String) throws(SafetensorsError) {
    var positions: [ExactName: Int] = [:]
    positions.reserveCapacity(entries.count)
    // Neighbours are mostly in the same file, whose name is looked at once.
    var checked: ExactName?
    for (position, entry) in entries.enumerated() {
      if positions.updateValue(position, forKey: ExactName(entry.tensor)) != nil {
        throw .duplicateName(path, entry.tensor)
      }
      let file = ExactName(entry.file)
      if file != checked, let fault = PathText.fault(inName: entry.file) {
        throw .unsafePath(path, name: entry.file, fault).naming(entry.tensor)
      }
      checked = file
    }
    self.entries = entries
    self.totalSize = totalSize
    self.positions = positions
  }

  /// The file of a tensor; `nil` when the index does not have the tensor.
  ///
  /// - Parameter tensor: the name of the tensor, compared byte by byte.
  public subscript(tensor: String) -> String? {
    positions[ExactName(tensor)].map { entries[$0].file }
  }

  /// The files, each once, in the order in which the index first names them.
  public var files: [String] {
    var seen: Set<ExactName> = []
    var last: ExactName?
    return entries.compactMap { entry in
      let file = ExactName(entry.file)
      // Neighbours are mostly in the same file.
      if file == last { return nil }
      last = file
      return seen.insert(file).inserted ? entry.file : nil
    }
  }

  /// The text of the index in the form that transformers writes, with a line feed at the end.
  public func encoded() -> [UInt8] {
    let size = totalSize.map { [(key: "total_size", value: JSONText.number($0))] } ?? []
    let map = entries.map { (key: $0.tensor, value: JSONText.string($0.file)) }
    let text = JSONText.object([
      (key: "metadata", value: .object(size)), (key: "weight_map", value: .object(map)),
    ])
    return text.encoded(.pretty) + [0x0A]
  }
}
