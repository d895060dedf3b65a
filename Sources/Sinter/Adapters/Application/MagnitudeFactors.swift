import Safetensors
import SinterTensors

/// By what the updated weights of each output are multiplied, so that their norms become those that
/// were trained (DoRA, <https://arxiv.org/abs/2402.09353>).
struct MagnitudeFactors {
  /// One factor for each row or column: magnitude / norm; 0 for weights that are all zero.
  let values: [Double]
  /// Whether they are those of rows.
  let areOfRows: Bool

  /// Takes the norms of a tensor with its product added, and divides the magnitudes by them.
  ///
  /// Reads the whole tensor once. Sums of squares are taken in Double, in the order of the elements.
  ///
  /// - Parameters:
  ///   - magnitude: the stored magnitudes.
  ///   - product: the product to which they belong.
  ///   - loaded: its factors, with the adapter's scale.
  ///   - base: the tensor.
  ///   - update: the extents of the tensor.
  ///   - file: the adapter's file.
  /// - Throws: `SafetensorsError` when a file cannot be read.
  init(
    _ magnitude: CheckpointTensor, of product: TensorUpdate.Product, _ loaded: LoadedProduct,
    on base: StoredTensor, update: TensorUpdate, file: InputFile
  ) throws(SafetensorsError) {
    let columns = update.columns
    areOfRows = (product.module.magnitudeAxis == .outputs) != product.isTransposed
    let areOfRows = areOfRows
    var squares = [Double](repeating: 0, count: areOfRows ? update.rows : columns)
    try base.forEachPiece { elements, row in
      loaded.add(to: &row, elements)
      for i in 0..<row.count {
        let (index, column) = (elements.lowerBound + i).quotientAndRemainder(dividingBy: columns)
        squares[areOfRows ? index : column] += row[i] * row[i]
      }
    }
    let magnitudes = try StoredTensor(file: file, tensor: magnitude).numbers(as: Double.self)
    values = zip(magnitudes, squares).map { magnitude, square in
      square == 0 ? 0 : magnitude / square.squareRoot()
    }
  }
}
