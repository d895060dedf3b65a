import SinterTensors

/// A matrix as the product of two factors, which is never multiplied out.
struct FactoredMatrix: Sendable {
  /// rows x rank.
  let left: Matrix<Double>
  /// rank x columns.
  let right: Matrix<Double>

  var rows: Int { left.rows }
  var columns: Int { right.columns }
  /// The number of columns of the left factor; the rank of the product is at most this.
  var rank: Int { left.columns }

  init(left: Matrix<Double>, right: Matrix<Double>) {
    precondition(left.columns == right.rows, "the factors do not fit")
    self.left = left
    self.right = right
  }

  /// The matrix of zeros.
  init(rows: Int, columns: Int) {
    self.init(
      left: Matrix(rows: rows, columns: 0), right: Matrix(rows: 0, columns: columns))
  }

  /// The sum of products: their factors side by side.
  ///
  /// - Parameter parts: at least one; all of the same extents.
  init(sumOf parts: [FactoredMatrix]) {
    let rest = parts.filter { $0.rank > 0 }
    guard !rest.isEmpty else {
      self.init(rows: parts[0].rows, columns: parts[0].columns)
      return
    }
    self.init(
      left: Matrix(sideBySide: rest.map(\.left)), right: Matrix(stacked: rest.map(\.right)))
  }

  /// The product times a number, with factors of about the same norm.
  ///
  /// The right factor is multiplied by a power of two, which is exact, and the left one by what
  /// remains, which is exact too when the number is a power of two. The sign stays with the number.
  func balanced(times factor: Double) -> FactoredMatrix {
    let (before, after) = (left.squaredNorm.squareRoot(), right.squaredNorm.squareRoot())
    guard factor != 0, before > 0, after > 0 else {
      return FactoredMatrix(rows: rows, columns: columns)
    }
    let ratio = (factor.magnitude * before / after).squareRoot()
    // An exponent to the nearest: 1.5 counts as 2.
    let exponent =
      ratio.isNormal ? Int(ratio.exponent) + (ratio.significand > 2.squareRoot() ? 1 : 0) : 0
    let unit = Double(sign: .plus, exponent: exponent, significand: 1)
    var (left, right) = (left, right)
    left.scaleRows(by: Array(repeating: factor / unit, count: rows))
    right.scaleRows(by: Array(repeating: unit, count: rank))
    return FactoredMatrix(left: left, right: right)
  }

  /// The square of the Frobenius norm of the product.
  ///
  /// - Complexity: 2 · (rows + columns) · rank² operations.
  func squaredNorm(threads: Int = 1) -> Double {
    let first = left.transposedTimes(left, threads: threads)
    let second = right.timesTransposed(right, threads: threads)
    return max(Reduction.dot(first.elements.span, second.elements.span), 0)
  }

  /// Adds elements of the product to a row.
  ///
  /// - Parameters:
  ///   - row: receives the elements.
  ///   - elements: which they are, in row-major order.
  ///   - offset: the place of the first in the row.
  func add(to row: inout MutableSpan<Double>, _ elements: Range<Int>, at offset: Int = 0) {
    guard rank > 0 else { return }
    let (a, b) = (left.elements.span, right.elements.span)
    var start = elements.lowerBound
    while start < elements.upperBound {
      let (index, column) = start.quotientAndRemainder(dividingBy: columns)
      let end = min(elements.upperBound, start + columns - column)
      let first = offset + start - elements.lowerBound
      let place = first..<first + end - start
      LowRankProduct.add(
        a.extracting(index * rank..<(index + 1) * rank), b, from: column, stride: columns,
        times: 1, [Double]().span, to: &row, place)
      start = end
    }
  }
}

/// The best approximation of a product of factors by one of lower rank.
///
/// Both factors are made orthonormal, and the small matrix between them is decomposed; the product
/// itself is never formed.
struct FactoredSingularValues {
  /// All singular values of the product that its factors allow, largest first.
  let values: [Double]
  private let left: Matrix<Double>
  private let right: Matrix<Double>
  private let core: SingularValues

  /// Decomposes a product.
  ///
  /// - Complexity: about 4 · (rows + columns) · rank² operations, and some 40 · rank³ more.
  init(_ product: FactoredMatrix) {
    let first = QRFactorization(product.left)
    let second = QRFactorization(product.right.transposed())
    left = first.q
    right = second.q
    core = SingularValues(first.r.timesTransposed(second.r))
    values = core.values
  }

  /// The square of the Frobenius norm.
  var squaredNorm: Double { values.reduce(0) { $0 + $1 * $1 } }

  /// The square of the norm of what the approximation of a rank misses.
  func squaredTail(rank: Int) -> Double {
    values.dropFirst(rank).reversed().reduce(0) { $0 + $1 * $1 }
  }

  /// The number of singular values that stand out of rounding, at least 1.
  var numericalRank: Int {
    let least = (values.first ?? 0) * Double(max(left.rows, right.rows)) * .ulpOfOne
    return max(1, values.count { $0 > least })
  }

  /// The smallest rank that keeps a share of the square of the norm, at least 1.
  func rank(forEnergy energy: Double) -> Int {
    let limit = (1 - energy) * squaredNorm
    return (1...max(1, values.count)).first { squaredTail(rank: $0) <= limit } ?? values.count
  }

  /// The approximation of a rank, its factors of equal weight.
  func approximation(rank: Int) -> FactoredMatrix {
    let rank = min(rank, values.count)
    let roots = values.prefix(rank).map { $0.squareRoot() }
    var before = core.left.prefix(columns: rank)
    before.scaleColumns(by: roots)
    var after = core.right.rows(0..<rank)
    after.scaleRows(by: roots)
    return FactoredMatrix(left: left.times(before), right: after.timesTransposed(right))
  }

  /// The product as orthonormal columns, singular values and what the columns are combined with.
  ///
  /// - Returns: the left vectors times the singular values, and the right vectors, one in each row;
  ///   those that do not stand out of rounding are left out.
  func basis() -> (scaled: Matrix<Double>, vectors: Matrix<Double>) {
    let rank = numericalRank
    var before = core.left.prefix(columns: rank)
    before.scaleColumns(by: Array(values.prefix(rank)))
    return (left.times(before), core.right.rows(0..<rank).timesTransposed(right))
  }
}
