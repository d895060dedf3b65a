import SinterTensors

/// A matrix as an orthonormal one times an upper triangular one, by Householder reflections.
///
/// The factors of a matrix with m rows and n columns are thin: with k = min(m, n), Q is m x k and R
/// is k x n. The diagonal of R is not negative. Q is orthonormal to rounding whatever the matrix,
/// also where its columns are zero or depend on each other, and each column of QR differs from that
/// of the matrix by a small multiple of rounding of the column's own norm.
///
/// Source: Golub and Van Loan, "Matrix Computations", 4th edition, sections 5.2 and 5.4.
struct QRFactorization {
  /// Whether columns are exchanged.
  enum Pivoting {
    /// Columns stay where they are.
    case none
    /// The largest of the remaining columns comes next, so that the diagonal of R falls.
    case columns
  }

  /// The orthonormal factor, m x k.
  let q: Matrix<Double>
  /// The upper triangular factor, k x n.
  let r: Matrix<Double>
  /// For each column of R the column of the matrix that it stands for.
  let order: [Int]

  /// Factorizes a matrix.
  ///
  /// - Parameters:
  ///   - matrix: finite numbers whose squares neither overflow nor, where it matters, vanish.
  ///   - pivoting: whether columns are exchanged.
  /// - Complexity: about 4 · m · n · k operations.
  init(_ matrix: Matrix<Double>, pivoting: Pivoting = .none) {
    let count = min(matrix.rows, matrix.columns)
    // Columns lie as rows, where they are contiguous.
    var columns = matrix.transposed()
    var order = Array(0..<matrix.columns)
    var reflections: [Reflection] = []
    for k in 0..<count {
      if pivoting == .columns { Self.bringLargest(of: &columns, to: k, &order) }
      let reflection = Reflection(columns.row(k, from: k))
      for j in k..<columns.rows { reflection.apply(to: &columns, row: j, from: k) }
      reflections.append(reflection)
    }
    var q = Matrix<Double>(rows: count, columns: matrix.rows)
    for k in (0..<count).reversed() {
      q[k, k] = 1
      for j in k..<count { reflections[k].apply(to: &q, row: j, from: k) }
    }
    var r = Matrix<Double>(rows: count, columns: matrix.columns)
    for i in 0..<count {
      let sign: Double = columns[i, i] < 0 ? -1 : 1
      for j in i..<matrix.columns { r[i, j] = sign * columns[j, i] }
      if sign < 0 { for j in 0..<matrix.rows { q[i, j] = -q[i, j] } }
    }
    self.q = q.transposed()
    self.r = r
    self.order = order
  }

  private static func bringLargest(
    of columns: inout Matrix<Double>, to k: Int, _ order: inout [Int]
  ) {
    var (largest, norm) = (k, -1.0)
    for j in k..<columns.rows {
      let squares = Reduction.sumOfSquares(columns.row(j, from: k))
      if squares > norm { (largest, norm) = (j, squares) }
    }
    guard largest != k else { return }
    order.swapAt(k, largest)
    for i in 0..<columns.columns {
      (columns[k, i], columns[largest, i]) = (columns[largest, i], columns[k, i])
    }
  }
}

/// The reflection I - scale · v · vᵀ that turns a vector into a multiple of the first axis.
struct Reflection {
  let vector: [Double]
  let scale: Double
  /// What the first element becomes; all others become zero.
  let head: Double

  init(_ source: Span<Double>) {
    var vector: [Double] = []
    vector.reserveCapacity(source.count)
    for i in 0..<source.count { vector.append(source[i]) }
    let rest = Reduction.sumOfSquares(source.extracting(min(1, source.count)..<source.count))
    guard let first = vector.first, rest > 0 else {
      self.init(vector: vector, scale: 0, head: vector.first ?? 0)
      return
    }
    let norm = (first * first + rest).squareRoot()
    // The sign that adds magnitudes, so that nothing cancels.
    let head = first > 0 ? -norm : norm
    vector[0] = first - head
    self.init(vector: vector, scale: 2 / (vector[0] * vector[0] + rest), head: head)
  }

  private init(vector: [Double], scale: Double, head: Double) {
    self.vector = vector
    self.scale = scale
    self.head = head
  }

  /// Reflects the part of a row from a column on.
  func apply(to matrix: inout Matrix<Double>, row: Int, from column: Int) {
    guard scale != 0 else { return }
    let dot = Reduction.dot(vector.span, matrix.row(row, from: column))
    matrix.add(vector, times: -scale * dot, toRow: row, from: column)
  }
}
