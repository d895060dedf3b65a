import Safetensors
import SinterTensors

/// What a tensor's update needs in memory while the tensor is read.
struct LoadedUpdate: Sendable {
  /// A factor on stored values: a number for all, plus one for each row or column.
  struct Coefficient: Sendable {
    var constant: Double
    var ofRows: [Double]?
    var ofColumns: [Double]?
  }

  /// A tensor that takes the place of the model's, and how much of it is taken.
  struct Replacement: Sendable {
    let source: StoredTensor
    var coefficient: Coefficient
  }

  /// A row of numbers that takes the place of the model's, and how much of it is taken.
  struct TokenRow: Sendable {
    let row: Int
    let weight: Double
    let values: [Double]
  }

  /// How much of the model's values is kept.
  private(set) var kept = Coefficient(constant: 1)
  private(set) var replacements: [Replacement] = []
  private(set) var products: [LoadedProduct] = []
  private(set) var tokenRows: [TokenRow] = []
  /// What is added to a bias, scale and weight included.
  private(set) var additions: [[Double]] = []
  let columns: Int

  /// Reads what an update needs.
  ///
  /// - Parameters:
  ///   - update: the update.
  ///   - base: the model's tensor; of one with magnitudes all values are read, for their norms.
  /// - Throws: `SafetensorsError` when a file cannot be read.
  init(_ update: TensorUpdate, of base: StoredTensor) throws(SafetensorsError) {
    columns = update.columns
    for part in update.parts { try add(part, update, base) }
  }

  private mutating func add(
    _ part: TensorUpdate.Part, _ update: TensorUpdate, _ base: StoredTensor
  ) throws(SafetensorsError) {
    let own = part.replacement.map { StoredTensor(file: part.file, tensor: $0) }
    var taken = Coefficient(constant: part.weight)
    var hasMagnitudes = false
    for product in part.products {
      let scale = product.module.scale
      var loaded = try LoadedProduct(
        product, columns: columns, scale: scale, file: part.file)
      if let magnitude = product.module.magnitude {
        hasMagnitudes = true
        let factors = try MagnitudeFactors(
          magnitude, of: product, loaded, on: own ?? base, update: update, file: part.file)
        let weighted = factors.values.map { $0 * part.weight }
        if factors.areOfRows {
          loaded.rowFactors = weighted
          taken = Coefficient(constant: 0, ofRows: weighted)
        } else {
          loaded.columnFactors = weighted
          taken = Coefficient(constant: 0, ofColumns: weighted)
        }
        products.append(loaded)
      } else {
        products.append(loaded.scaled(by: part.weight))
      }
    }
    if let own {
      kept.constant -= part.weight
      replacements.append(Replacement(source: own, coefficient: taken))
    } else if hasMagnitudes {
      kept.constant -= part.weight
      kept.add(taken)
    }
    if let rows = part.rows { try add(rows, part) }
    if let addition = part.addition {
      let factor = addition.scale * part.weight
      let values = try StoredTensor(file: part.file, tensor: addition.tensor).numbers(
        as: Double.self)
      additions.append(values.map { $0 * factor })
    }
  }

  private mutating func add(
    _ rows: AdapterTokenRows, _ part: TensorUpdate.Part
  ) throws(SafetensorsError) {
    let values = try StoredTensor(file: part.file, tensor: rows.tensor).numbers(as: Double.self)
    for (place, row) in rows.rows.enumerated() {
      tokenRows.append(
        TokenRow(
          row: row, weight: part.weight,
          values: Array(values[place * columns..<(place + 1) * columns])))
    }
    tokenRows.sort { $0.row < $1.row }
  }
}

extension LoadedUpdate.Coefficient {
  fileprivate mutating func add(_ other: Self) {
    constant += other.constant
    ofRows = Self.sum(ofRows, other.ofRows)
    ofColumns = Self.sum(ofColumns, other.ofColumns)
  }

  private static func sum(_ first: [Double]?, _ second: [Double]?) -> [Double]? {
    guard let first, let second else { return first ?? second }
    return zip(first, second).map { $0 + $1 }
  }

  /// The factor on one element.
  func value(_ row: Int, _ column: Int) -> Double {
    constant + (ofRows?[row] ?? 0) + (ofColumns?[column] ?? 0)
  }

  /// Multiplies elements.
  ///
  /// - Parameters:
  ///   - row: the elements.
  ///   - elements: which they are, in the row-major order of the tensor.
  ///   - columns: the columns of the tensor.
  func multiply(_ row: inout MutableSpan<Double>, _ elements: Range<Int>, columns: Int) {
    if ofRows == nil, ofColumns == nil {
      // Nothing is kept of a tensor whose place another takes, not even a NaN.
      if constant == 0 {
        for i in 0..<row.count { row[i] = 0 }
      } else if constant != 1 {
        for i in 0..<row.count { row[i] *= constant }
      }
      return
    }
    for i in 0..<row.count {
      let (index, column) = (elements.lowerBound + i).quotientAndRemainder(dividingBy: columns)
      row[i] *= value(index, column)
    }
  }
}

extension LoadedProduct {
  /// The same product with another factor on it.
  func scaled(by weight: Double) -> LoadedProduct {
    LoadedProduct(self, scale: scale * weight)
  }
}
