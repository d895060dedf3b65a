import Safetensors
import SinterTensors

/// A product of factors in memory, as rows of a tensor take it: row i of the left factor times the
/// right factor of its block.
struct LoadedProduct: Sendable {
  /// The rows of the tensor that the product is added to.
  let rows: Range<Int>
  /// How many of them share a right factor: all, or those of one expert.
  let blockRows: Int
  /// The numbers of a row of the left factor.
  let rank: Int
  /// The columns of the tensor.
  let columns: Int
  /// The factor on the product: the scale of the adapter, the user's weight included.
  let scale: Double
  /// What the scale is multiplied with in each row of the tensor, from the first on; `nil` for 1.
  var rowFactors: [Double]?
  /// What the scale is multiplied with in each column; `nil` for 1.
  var columnFactors: [Double]?
  private let factors: Factors

  /// Factors are kept in `Float` when that holds them exactly: it takes half the memory, and sums of
  /// their products are exact to the last addition.
  private enum Factors: Sendable {
    case single(left: [Float], right: [Float])
    case double(left: [Double], right: [Double])
  }

  /// Reads the factors of a product.
  ///
  /// - Parameters:
  ///   - product: the product.
  ///   - columns: the columns of the tensor.
  ///   - scale: the factor on it.
  ///   - file: the adapter's file.
  /// - Throws: `SafetensorsError` when the file cannot be read.
  init(
    _ product: TensorUpdate.Product, columns: Int, scale: Double, file: InputFile
  ) throws(SafetensorsError) {
    rows = product.rows
    blockRows = product.slice.count
    rank = product.module.rank
    self.columns = columns
    self.scale = scale
    if product.module.factorWidth == MemoryLayout<Float>.stride {
      let (left, right) = try Self.factors(product, columns, file, as: Float.self)
      factors = .single(left: left, right: right)
    } else {
      let (left, right) = try Self.factors(product, columns, file, as: Double.self)
      factors = .double(left: left, right: right)
    }
  }

  /// The same product with another factor on it.
  init(_ other: LoadedProduct, scale: Double) {
    rows = other.rows
    blockRows = other.blockRows
    rank = other.rank
    columns = other.columns
    self.scale = scale
    rowFactors = other.rowFactors
    columnFactors = other.columnFactors
    factors = other.factors
  }

  /// Adds the product to a range of elements.
  ///
  /// - Parameters:
  ///   - row: the elements.
  ///   - elements: which they are, in the row-major order of the tensor.
  func add(to row: inout MutableSpan<Double>, _ elements: Range<Int>) {
    let end = min(elements.upperBound, rows.upperBound * columns)
    var start = max(elements.lowerBound, rows.lowerBound * columns)
    while start < end {
      let (index, column) = start.quotientAndRemainder(dividingBy: columns)
      // Whole rows together, and what is left of a row alone.
      let whole = column == 0 ? (end - start) / columns : 0
      let stop = whole > 0 ? start + whole * columns : min(end, start + columns - column)
      let width = whole > 0 ? columns : stop - start
      let place = start - elements.lowerBound
      add(
        to: &row, index..<index + max(whole, 1), column..<column + width,
        LowRankTarget(rows: max(whole, 1), place..<place + width, stride: columns))
      start = stop
    }
  }

  /// Whether the product is added to all of some rows.
  func covers(_ block: Range<Int>) -> Bool { block.clamped(to: rows) == block }

  /// Adds the product to a block of elements.
  ///
  /// - Parameters:
  ///   - base: what the product is added to, laid out as the elements are; empty for themselves.
  ///   - elements: hold the block, and may hold more.
  ///   - block: the rows of the tensor.
  ///   - width: the columns of the tensor.
  ///   - target: where the rows lie.
  func add(
    on base: Span<Double> = Span(), to elements: inout MutableSpan<Double>, _ block: Range<Int>,
    _ width: Range<Int>, _ target: LowRankTarget
  ) {
    let own = block.clamped(to: rows)
    var start = own.lowerBound
    while start < own.upperBound {
      // As many rows as share a right factor and a number that they are multiplied with.
      let expert = (start - rows.lowerBound) / blockRows
      let last = rows.lowerBound + (expert + 1) * blockRows
      let stop = rowFactors == nil ? min(own.upperBound, last) : start + 1
      let shift = (start - block.lowerBound) * target.stride
      let first = target.first.lowerBound + shift..<target.first.upperBound + shift
      add(
        start..<stop, expert, width, on: base, to: &elements,
        LowRankTarget(rows: stop - start, first, stride: target.stride))
      start = stop
    }
  }

  private func add(
    _ block: Range<Int>, _ expert: Int, _ width: Range<Int>, on base: Span<Double>,
    to elements: inout MutableSpan<Double>, _ target: LowRankTarget
  ) {
    let first = block.lowerBound - rows.lowerBound
    let left = first * rank..<(first + block.count) * rank
    let start = expert * rank * columns + width.lowerBound
    let factor =
      rowFactors.map { scale * $0[block.lowerBound] } ?? (columnFactors == nil ? scale : 0)
    let factors = columnFactors?[width].map { scale * $0 } ?? []
    switch self.factors {
    case .single(let all, let right):
      LowRankProduct.add(
        all.span.extracting(left), rank: rank, right.span, from: start, stride: columns,
        times: factor, factors.span, on: base, to: &elements, target)
    case .double(let all, let right):
      LowRankProduct.add(
        all.span.extracting(left), rank: rank, right.span, from: start, stride: columns,
        times: factor, factors.span, on: base, to: &elements, target)
    }
  }
}

// MARK: - Reading

extension LoadedProduct {
  /// The factors in the order in which rows take them.
  private static func factors<Number: BinaryFloatingPoint>(
    _ product: TensorUpdate.Product, _ columns: Int, _ file: InputFile, as type: Number.Type
  ) throws(SafetensorsError) -> (left: [Number], right: [Number]) {
    let parts = product.factorParts
    // Rows of the left factor are outputs times rank, those of the right one rank times inputs;
    // transposed, it is A that has them as columns.
    let left = try parts.left.numbers([.expert, .side, .rank], from: file, as: type)
    let right = try parts.right.numbers([.expert, .rank, .side], from: file, as: type)
    return (left, right)
  }
}

extension TensorUpdate.Product {
  /// The bytes that are read of its factors.
  var readByteCount: Int { factorParts.left.readByteCount + factorParts.right.readByteCount }

  /// What is needed of the two factors.
  fileprivate var factorParts: (left: FactorPart, right: FactorPart) {
    let first = expert ?? 0
    let experts = first..<first + rows.count / slice.count
    return isTransposed
      ? (.ofA(module, experts, slice), .ofB(module, experts, 0..<module.outputs))
      : (.ofB(module, experts, slice), .ofA(module, experts, 0..<module.inputs))
  }
}
