import SinterTensors

/// A matrix as U · S · Vᵀ: orthonormal columns, falling numbers, orthonormal rows.
///
/// A factorization QR with exchange of columns comes first, then rows of R are turned until all are
/// at right angles (Jacobi's method, one-sided). Small singular values come out as accurate as large
/// ones where the matrix determines them, such as in columns of different scale. U and V are
/// orthonormal to rounding for every matrix, also for a zero one. The largest element of each row of
/// Vᵀ, the first of equal ones, is positive.
///
/// Source: Drmač and Veselić, "New fast and accurate Jacobi SVD algorithm", SIAM J. Matrix Anal.
/// Appl. 29 (2008).
struct SingularValues {
  /// The left vectors, m x k with k = min(m, n), one in each column.
  let left: Matrix<Double>
  /// The singular values, largest first, none negative.
  let values: [Double]
  /// The right vectors, k x n, one in each row.
  let right: Matrix<Double>

  /// Decomposes a matrix.
  ///
  /// - Parameter matrix: finite numbers.
  /// - Complexity: about 4 · m · n · k operations, and some 20 · k³ to 40 · k³ more.
  init(_ matrix: Matrix<Double>) {
    guard matrix.rows >= matrix.columns else {
      let flipped = SingularValues(matrix.transposed())
      self.init(left: flipped.right.transposed(), flipped.values, flipped.left.transposed())
      return
    }
    // Squares of elements must neither overflow nor vanish.
    let exponent = matrix.largestMagnitude > 0 ? matrix.largestMagnitude.exponent : 0
    let unit = Double(sign: .plus, exponent: -exponent, significand: 1)
    var scaled = matrix
    scaled.scaleRows(by: Array(repeating: unit, count: matrix.rows))
    let factors = QRFactorization(scaled, pivoting: .columns)
    var turned = factors.r
    var turns = Matrix<Double>.identity(turned.rows)
    Self.orthogonalize(&turned, &turns)
    let norms = (0..<turned.rows).map {
      Reduction.sumOfSquares(turned.row($0)).squareRoot()
    }
    let order = norms.indices.sorted { (-norms[$0], $0) < (-norms[$1], $1) }
    var right = Matrix<Double>(rows: order.count, columns: matrix.columns)
    for (place, row) in order.enumerated() where norms[row] > 0 {
      for (j, column) in factors.order.enumerated() {
        right[place, column] = turned[row, j] / norms[row]
      }
    }
    Self.complete(&right, from: order.firstIndex { norms[$0] == 0 } ?? order.count)
    self.init(
      left: factors.q.times(turns.transposed().columns(order)), order.map { norms[$0] / unit },
      right)
  }

  /// Chooses the signs.
  private init(left: Matrix<Double>, _ values: [Double], _ right: Matrix<Double>) {
    let signs = (0..<right.rows).map {
      SymmetricEigen.isLargestNegative(right.row($0)) ? -1.0 : 1.0
    }
    var (left, right) = (left, right)
    left.scaleColumns(by: signs)
    right.scaleRows(by: signs)
    self.left = left
    self.values = values
    self.right = right
  }

  /// Turns pairs of rows until all rows are at right angles; `turns` is turned along.
  private static func orthogonalize(
    _ matrix: inout Matrix<Double>, _ turns: inout Matrix<Double>
  ) {
    let count = matrix.rows
    let tolerance = Double.ulpOfOne * Double(max(matrix.columns, 1)).squareRoot()
    // Some 5 to 10 rounds are enough; the limit only keeps bad numbers from turning for ever.
    for _ in 0..<60 {
      var isDone = true
      for i in 0..<count {
        for j in (i + 1)..<max(count, i + 1) {
          let dot = Reduction.dot(matrix.row(i), matrix.row(j))
          let a = Reduction.sumOfSquares(matrix.row(i))
          let b = Reduction.sumOfSquares(matrix.row(j))
          guard dot.magnitude > tolerance * a.squareRoot() * b.squareRoot() else { continue }
          isDone = false
          let ratio = (b - a) / (2 * dot)
          let root = (1 + ratio * ratio).squareRoot()
          let tangent = ratio.isInfinite ? 0 : 1 / (ratio + (ratio < 0 ? -root : root))
          guard tangent != 0 else { continue }
          let cosine = 1 / (1 + tangent * tangent).squareRoot()
          matrix.rotateRows(i, j, cosine: cosine, sine: cosine * tangent)
          turns.rotateRows(i, j, cosine: cosine, sine: cosine * tangent)
        }
      }
      if isDone { return }
    }
  }

  /// Fills rows that belong to singular values of zero, so that all rows are orthonormal.
  private static func complete(_ matrix: inout Matrix<Double>, from start: Int) {
    for row in start..<max(start, matrix.rows) {
      // Of all axes one has at least the share of the missing rows outside of what is there.
      var squares = Array(repeating: 0.0, count: matrix.columns)
      for i in 0..<row {
        for j in 0..<matrix.columns { squares[j] += matrix[i, j] * matrix[i, j] }
      }
      let axis = squares.indices.min { (squares[$0], $0) < (squares[$1], $1) } ?? 0
      for j in 0..<matrix.columns { matrix[row, j] = j == axis ? 1 : 0 }
      for _ in 0..<2 {
        for i in 0..<row {
          let dot = Reduction.dot(matrix.row(i), matrix.row(row))
          matrix.addRow(i, times: -dot, to: row)
        }
        let norm = Reduction.sumOfSquares(matrix.row(row)).squareRoot()
        for j in 0..<matrix.columns { matrix[row, j] /= norm }
      }
    }
  }
}
