import Safetensors
import SinterTensors

/// What adapters do to one tensor of a model.
///
/// Each adapter's part is the difference that it makes to the model when it is applied alone, times
/// the weight that the user gives it; the parts of several adapters add up. So one adapter at
/// weight 1 gives exactly what it gives by itself, weight 0 gives the model, and the order of
/// adapters does not matter.
///
/// A reference, compared by identity: it is made once for a tensor and never changed.
final class TensorUpdate: Sendable, Hashable {
  /// The part of each adapter that touches the tensor.
  let parts: [Part]
  /// The extents of the tensor as a matrix: all but the last axis of a matrix or of a stack of
  /// matrices, then the last; of a convolution, the first axis and all others.
  let rows: Int
  let columns: Int
  /// The tensor of an adapter that is read in place of the model's because it has another number of
  /// rows, or `nil`.
  let substitute: StoredTensor?

  /// What one adapter does to the tensor.
  struct Part: Sendable {
    /// The adapter's place among those of the model.
    let adapter: Int
    /// The adapter's file.
    let file: InputFile
    /// The user's factor on the difference.
    let weight: Double
    /// The tensor that takes the place of the model's, or `nil`.
    var replacement: CheckpointTensor?
    /// The rows that take the place of the model's, or `nil`.
    var rows: AdapterTokenRows?
    /// What is added: scale · B · A.
    var products: [Product] = []
    /// What is added to a bias, element by element, times a scale.
    var addition: (tensor: CheckpointTensor, scale: Double)?
  }

  /// A product of factors, and which rows of the tensor it is added to.
  struct Product: Sendable {
    let module: AdapterModule
    /// Whether the transpose of B · A is added.
    let isTransposed: Bool
    /// The expert whose factors are meant; `nil` for all of them, one after another.
    let expert: Int?
    /// The module's outputs (its inputs, when transposed) that the rows stand for.
    let slice: Range<Int>
    /// The rows of the tensor, of all its matrices one after another.
    let rows: Range<Int>
  }

  init(parts: [Part], rows: Int, columns: Int, substitute: StoredTensor? = nil) {
    self.parts = parts
    self.rows = rows
    self.columns = columns
    self.substitute = substitute
  }

  /// Whether nothing is done but that products of factors are added.
  var addsProductsOnly: Bool {
    substitute == nil
      && parts.allSatisfy { part in
        part.replacement == nil && part.rows == nil && part.addition == nil
          && part.products.allSatisfy { $0.module.magnitude == nil }
      }
  }

  /// The memory that reading the tensor takes beside buffers, in bytes.
  ///
  /// - Parameter tile: the elements of the largest tile.
  /// - Returns: the bytes of factors, norms and rows, and of what is needed either while they are
  ///   loaded or when they are there: two rows of numbers beside the tile's.
  func byteCount(tile: Int) -> Int {
    factorByteCount
      + max(2 * tile * MemoryLayout<Double>.stride, StoredTensor.byteCountOfPieces)
  }

  /// The bytes that are read before values are: factors, norms and the like.
  ///
  /// - Parameter tensor: the model's tensor.
  /// - Returns: the bytes; with magnitudes, the tensor that they belong to is one of what is read.
  func loadByteCount(of tensor: CheckpointTensor) -> Int {
    guard substitute == nil else { return 0 }
    return parts.reduce(0) { total, part in
      let products = part.products.reduce(0) { sum, product in
        let norms = product.module.magnitude.map {
          $0.byteCount + (part.replacement ?? tensor).byteCount
        }
        return sum + product.readByteCount + (norms ?? 0)
      }
      let others = [part.rows?.tensor, part.addition?.tensor].compactMap { $0?.byteCount }
      return total + products + others.reduce(0, +)
    }
  }

  /// The bytes that factors and the like take in memory while the tensor is read.
  private var factorByteCount: Int {
    parts.reduce(0) { total, part in
      let products = part.products.reduce(0) { sum, product in
        let blocks = product.expert == nil ? product.module.experts : 1
        let numbers = product.module.rank * (product.rows.count + blocks * columns)
        let norms =
          product.module.magnitude == nil ? 0 : 4 * (rows + columns) * MemoryLayout<Double>.stride
        return sum + numbers * product.module.factorWidth + norms
      }
      let tokens = (part.rows?.tensor.shape.elementCount ?? 0) * MemoryLayout<Double>.stride
      let sums = (part.addition?.tensor.shape.elementCount ?? 0) * MemoryLayout<Double>.stride
      return total + products + tokens + sums
    }
  }

  static func == (first: TensorUpdate, second: TensorUpdate) -> Bool { first === second }

  func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

extension TensorUpdate {
  /// Whether anything of the model's values is kept.
  var takesModel: Bool {
    guard substitute == nil else { return false }
    let replaced = parts.reduce(0) { $0 + ($1.replacement == nil ? 0 : $1.weight) }
    return replaced != 1
      || parts.contains { part in
        part.replacement == nil && part.products.contains { $0.module.magnitude != nil }
      }
  }

  /// The tensors of adapters that it is made of.
  var storedTensors: [StoredTensor] {
    parts.flatMap { part in
      let factors = part.products.flatMap { [$0.module.a, $0.module.b] }
      let magnitudes = part.products.compactMap(\.module.magnitude)
      let others = [part.replacement, part.rows?.tensor, part.addition?.tensor]
      return (factors + magnitudes + others.compactMap(\.self)).map {
        StoredTensor(file: part.file, tensor: $0)
      }
    }
  }
}
