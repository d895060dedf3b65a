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
    let module = product.module
    if !product.isTransposed, module.storesRows {
      // They lie in the file as rows take them.
      let slice = product.slice.lowerBound * module.rank..<product.slice.upperBound * module.rank
      let own = try StoredTensor(file: file, tensor: module.b).numbers(slice, as: type)
      return (own, try StoredTensor(file: file, tensor: module.a).numbers(as: type))
    }
    let rank = module.rank
    let slice = product.slice
    let blocks = product.rows.count / slice.count
    let firstExpert = product.expert ?? 0
    var left = [Number](repeating: 0, count: product.rows.count * rank)
    var right = [Number](repeating: 0, count: blocks * rank * columns)
    // Places in the two factors for an element of A (expert, k, input) and of B (expert, output, k).
    let (isTransposed, experts) = (product.isTransposed, firstExpert..<firstExpert + blocks)
    func leftPlace(_ expert: Int, _ outer: Int, _ k: Int) -> Int? {
      guard experts.contains(expert), slice.contains(outer) else { return nil }
      return ((expert - firstExpert) * slice.count + outer - slice.lowerBound) * rank + k
    }
    func rightPlace(_ expert: Int, _ k: Int, _ inner: Int) -> Int? {
      guard experts.contains(expert) else { return nil }
      return ((expert - firstExpert) * rank + k) * columns + inner
    }
    try module.readA(from: file) { expert, k, input, value in
      if isTransposed {
        if let place = leftPlace(expert, input, k) { left[place] = Number(value) }
      } else if let place = rightPlace(expert, k, input) {
        right[place] = Number(value)
      }
    }
    try module.readB(from: file) { expert, output, k, value in
      if isTransposed {
        if let place = rightPlace(expert, k, output) { right[place] = Number(value) }
      } else if let place = leftPlace(expert, output, k) {
        left[place] = Number(value)
      }
    }
    return (left, right)
  }
}

extension TensorUpdate.Product {
  /// The bytes that are read of its factors.
  var readByteCount: Int {
    guard !isTransposed, module.storesRows else { return module.a.byteCount + module.b.byteCount }
    return module.a.byteCount + module.b.byteCount / module.outputs * slice.count
  }
}

extension AdapterModule {
  /// Whether the factors of one matrix lie in the file as rank x inputs and outputs x rank.
  fileprivate var storesRows: Bool {
    switch (format, kind) {
    case (.mlx, .linear), (.mlx, .embedding): false
    default: experts == 1
    }
  }

  /// Reads factor A, and hands over every number with its expert, its place in the rank and its
  /// input.
  fileprivate func readA(
    from file: InputFile, _ body: (Int, Int, Int, Double) -> Void
  ) throws(SafetensorsError) {
    let inputs = inputs
    try StoredTensor(file: file, tensor: a).forEach { place, value in
      let (row, column) = place.quotientAndRemainder(dividingBy: inputs)
      switch (format, kind) {
      case (.mlx, .linear), (.mlx, .embedding):
        let (input, k) = place.quotientAndRemainder(dividingBy: rank)
        body(0, k, input, value)
      default:
        let (expert, k) = row.quotientAndRemainder(dividingBy: rank)
        body(expert, k, column, value)
      }
    }
  }

  /// Reads factor B, and hands over every number with its expert, its output and its place in the
  /// rank.
  fileprivate func readB(
    from file: InputFile, _ body: (Int, Int, Int, Double) -> Void
  ) throws(SafetensorsError) {
    let outputs = outputs
    try StoredTensor(file: file, tensor: b).forEach { place, value in
      switch (format, kind) {
      case (.mlx, .linear), (.mlx, .embedding):
        let (k, output) = place.quotientAndRemainder(dividingBy: outputs)
        body(0, output, k, value)
      case (_, .switchLinear):
        let (row, k) = place.quotientAndRemainder(dividingBy: rank)
        body(row / outputs, row % outputs, k, value)
      default:
        // Of several experts the columns alternate.
        let (output, column) = place.quotientAndRemainder(dividingBy: rank * experts)
        body(column % experts, output, column / experts, value)
      }
    }
  }
}
