import Safetensors
import SinterTensors

/// Divides tensors among weight files and fixes where each lies.
struct ShardLayout: Sendable {
  /// Where a tensor lies.
  struct Place: Sendable, Hashable {
    /// The shard.
    let shard: Int
    /// The bytes in the shard's file.
    let bytes: Range<Int>
  }

  /// The files.
  let shards: [PlannedShard]
  /// The places of the tensors, in the order in which they were given.
  let places: [Place]

  /// Lays out tensors.
  ///
  /// Tensors are put into files in the order given; a new file is begun when the next tensor would
  /// bring the data of the current one above the limit, so a tensor larger than the limit shares
  /// its file with empty ones at most. Within a file tensors of wide elements come first, which
  /// keeps all of them aligned without holes.
  ///
  /// - Parameters:
  ///   - tensors: the tensors.
  ///   - limit: the largest number of bytes of tensor data in a file, at least 1.
  /// - Throws: `SafetensorsError` when a name comes twice or sizes are beyond the format.
  init(_ tensors: [TensorDeclaration], limit: Int) throws(SafetensorsError) {
    var members: [[Int]] = [[]]
    var used = 0
    for (index, tensor) in tensors.enumerated() {
      let byteCount = tensor.shape.elementCount * tensor.dtype.bitWidth / 8
      if used > 0, byteCount > 0, used + byteCount > limit {
        members.append([])
        used = 0
      }
      members[members.count - 1].append(index)
      used += byteCount
    }
    var shards: [PlannedShard] = []
    var places = [Place](repeating: Place(shard: 0, bytes: 0..<0), count: tensors.count)
    for (shard, indices) in members.enumerated() {
      let ordered = indices.enumerated().sorted { left, right in
        let widths = (tensors[left.element].dtype.bitWidth, tensors[right.element].dtype.bitWidth)
        return widths.0 == widths.1 ? left.offset < right.offset : widths.0 > widths.1
      }.map(\.element)
      let name = Self.fileName(shard, of: members.count)
      let header = try SafetensorsHeader(layingOut: ordered.map { tensors[$0] }, file: name)
      for (index, descriptor) in zip(ordered, header.tensors) {
        let offsets = descriptor.dataOffsets
        places[index] = Place(
          shard: shard,
          bytes: header.dataStart + offsets.lowerBound..<header.dataStart + offsets.upperBound)
      }
      shards.append(
        PlannedShard(fileName: name, header: header, byteCount: header.fileByteCount))
    }
    self.shards = shards
    self.places = places
  }

  /// The name of a shard, as the hub's libraries expect it.
  static func fileName(_ shard: Int, of count: Int) -> String {
    guard count > 1 else { return "model.safetensors" }
    let number = { (value: Int) in
      String(repeating: "0", count: max(5 - String(value).count, 0)) + String(value)
    }
    return "model-\(number(shard + 1))-of-\(number(count)).safetensors"
  }
}
