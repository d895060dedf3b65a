import Safetensors
import SinterTensors

/// A stored tensor that holds NaN or infinities.
struct NonFiniteOrigin: Sendable {
  let source: StoredTensor
  /// How many of its values are NaN or infinite.
  let count: Int
  /// Whether an adapter brought it.
  let isAdapter: Bool
}

/// Finds where values come from that are not finite in a tensor that adapters change.
///
/// While the tensor was merged only its updated values were counted. What they are made of is read
/// again, since that happens to few tensors and to few models.
struct NonFiniteOrigins {
  /// The counts of tensors that were read, by file and place: experts share factors.
  private var counts: [Place: Int] = [:]

  private struct Place: Hashable {
    let file: ObjectIdentifier
    let start: Int
  }

  /// The stored tensors that hold NaN or infinities, the model's own first.
  ///
  /// - Parameters:
  ///   - tensor: the model's tensor.
  ///   - update: what adapters do to it.
  /// - Returns: the tensors; none when everything that is stored is finite.
  /// - Throws: `SafetensorsError` when a file cannot be read.
  mutating func origins(
    of tensor: StoredTensor, _ update: TensorUpdate
  ) throws(SafetensorsError) -> [NonFiniteOrigin] {
    var found: [NonFiniteOrigin] = []
    if update.takesModel { found.append(try origin(tensor, isAdapter: false)) }
    for source in update.storedTensors { found.append(try origin(source, isAdapter: true)) }
    return found.filter { $0.count > 0 }
  }

  private mutating func origin(
    _ source: StoredTensor, isAdapter: Bool
  ) throws(SafetensorsError) -> NonFiniteOrigin {
    let place = Place(file: ObjectIdentifier(source.file), start: source.tensor.bytes.lowerBound)
    var count = counts[place] ?? 0
    if counts[place] == nil {
      try source.forEachPiece { _, row in count += Reduction.countNonFinite(row.span) }
      counts[place] = count
    }
    return NonFiniteOrigin(source: source, count: count, isAdapter: isAdapter)
  }
}
