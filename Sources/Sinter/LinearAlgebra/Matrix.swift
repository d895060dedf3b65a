import SinterTensors

/// A dense matrix, row after row.
///
/// `Double` serves small matrices and whatever must be accurate; `Float` halves the memory of large
/// ones with few rows or few columns. Extents may be 0.
struct Matrix<Scalar: WorkingFloat>: Sendable, Equatable {
  /// The number of rows.
  let rows: Int
  /// The number of columns.
  let columns: Int
  /// The elements, row after row.
  private(set) var elements: [Scalar]

  /// Makes a matrix of zeros.
  init(rows: Int, columns: Int) {
    precondition(rows >= 0 && columns >= 0, "a matrix has no negative extent")
    self.rows = rows
    self.columns = columns
    elements = Array(repeating: 0, count: rows * columns)
  }

  /// Makes a matrix of elements.
  ///
  /// - Parameters:
  ///   - rows: the number of rows.
  ///   - columns: the number of columns.
  ///   - elements: `rows * columns` numbers, row after row.
  init(rows: Int, columns: Int, elements: [Scalar]) {
    precondition(rows >= 0 && columns >= 0, "a matrix has no negative extent")
    precondition(elements.count == rows * columns, "the elements do not fill the matrix")
    self.rows = rows
    self.columns = columns
    self.elements = elements
  }

  /// The identity.
  static func identity(_ count: Int) -> Self {
    var result = Self(rows: count, columns: count)
    for i in 0..<count { result[i, i] = 1 }
    return result
  }

  /// One element.
  subscript(row: Int, column: Int) -> Scalar {
    get {
      precondition(row >= 0 && row < rows && column >= 0 && column < columns, "no such element")
      return elements[row * columns + column]
    }
    set {
      precondition(row >= 0 && row < rows && column >= 0 && column < columns, "no such element")
      elements[row * columns + column] = newValue
    }
  }

  /// The elements, to be written in place.
  var mutableElements: MutableSpan<Scalar> {
    @_lifetime(&self)
    mutating get { elements.mutableSpan }
  }

  /// The elements of one row, from a column on.
  @_lifetime(borrow self)
  borrowing func row(_ row: Int, from column: Int = 0) -> Span<Scalar> {
    precondition(row >= 0 && row < rows, "no such row")
    let span = elements.span.extracting(row * columns + column..<(row + 1) * columns)
    return span
  }

  /// The largest magnitude; 0 for a matrix without elements.
  var largestMagnitude: Scalar { elements.reduce(0) { Swift.max($0, $1.magnitude) } }

  /// The matrix with rows and columns exchanged.
  func transposed() -> Self {
    var result = Self(rows: columns, columns: rows)
    let source = elements.span
    var target = result.elements.mutableSpan
    // In squares, so that neither side walks through memory in long strides.
    for top in stride(from: 0, to: rows, by: 16) {
      for left in stride(from: 0, to: columns, by: 16) {
        for row in top..<min(top + 16, rows) {
          for column in left..<min(left + 16, columns) {
            target[column * rows + row] = source[row * columns + column]
          }
        }
      }
    }
    return result
  }

  /// The first columns.
  func prefix(columns count: Int) -> Self {
    precondition(count >= 0 && count <= columns, "there are not so many columns")
    if count == columns { return self }
    var result = Self(rows: rows, columns: count)
    let source = elements.span
    var target = result.elements.mutableSpan
    for row in 0..<rows {
      for column in 0..<count { target[row * count + column] = source[row * columns + column] }
    }
    return result
  }

  /// Some of the rows.
  func rows(_ range: Range<Int>) -> Self {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "no such rows")
    return Self(
      rows: range.count, columns: columns,
      elements: Array(elements[range.lowerBound * columns..<range.upperBound * columns]))
  }

  /// Some of the columns, in a given order.
  func columns(_ picked: [Int]) -> Self {
    var result = Self(rows: rows, columns: picked.count)
    for row in 0..<rows {
      for (place, column) in picked.enumerated() { result[row, place] = self[row, column] }
    }
    return result
  }

  /// Multiplies each column by a factor of its own.
  mutating func scaleColumns(by factors: [Scalar]) {
    precondition(factors.count == columns, "there is not one factor for each column")
    let (rows, columns) = (rows, columns)
    let factors = factors.span
    var target = elements.mutableSpan
    for row in 0..<rows {
      for column in 0..<columns { target[row * columns + column] *= factors[column] }
    }
  }

  /// Multiplies each row by a factor of its own.
  mutating func scaleRows(by factors: [Scalar]) {
    precondition(factors.count == rows, "there is not one factor for each row")
    let (rows, columns) = (rows, columns)
    var target = elements.mutableSpan
    for row in 0..<rows {
      let factor = factors[row]
      for i in row * columns..<(row + 1) * columns { target[i] *= factor }
    }
  }
}

extension Matrix<Float> {
  /// The sum of the squares of all elements, in `Double`: the Frobenius norm squared.
  ///
  /// Rows are summed one by one and added in order.
  var squaredNorm: Double {
    (0..<rows).reduce(0) { $0 + squaredNorm(ofRow: $1) }
  }

  /// The sum of the squares of the elements of a row, in `Double`.
  func squaredNorm(ofRow row: Int) -> Double { Reduction.sumOfSquares(self.row(row)) }
}

extension Matrix<Double> {
  /// The sum of the squares of all elements: the Frobenius norm squared.
  var squaredNorm: Double { Reduction.sumOfSquares(elements.span) }
}

extension Matrix {
  /// The same numbers in the other precision, rounded to nearest when they do not fit.
  init<Other: WorkingFloat>(_ other: Matrix<Other>) {
    self.init(rows: other.rows, columns: other.columns)
    let source = other.elements.span
    var target = elements.mutableSpan
    for i in 0..<source.count { target[i] = Scalar(source[i]) }
  }

  /// Matrices with the same number of rows, side by side.
  init(sideBySide parts: [Self]) {
    let rows = parts.first?.rows ?? 0
    precondition(parts.allSatisfy { $0.rows == rows }, "the matrices differ in height")
    var elements: [Scalar] = []
    elements.reserveCapacity(parts.reduce(0) { $0 + $1.elements.count })
    for row in 0..<rows {
      for part in parts {
        elements += part.elements[row * part.columns..<(row + 1) * part.columns]
      }
    }
    self.init(
      rows: rows, columns: parts.reduce(0) { $0 + $1.columns }, elements: elements)
  }

  /// Matrices with the same number of columns, one below the other.
  init(stacked parts: [Self]) {
    let columns = parts.first?.columns ?? 0
    precondition(parts.allSatisfy { $0.columns == columns }, "the matrices differ in width")
    self.init(
      rows: parts.reduce(0) { $0 + $1.rows }, columns: columns,
      elements: parts.flatMap(\.elements))
  }
}
