import SinterTensors
import Synchronization

extension Matrix<Float> {
  /// The Gram matrix: the dot products of all columns with each other, in `Double`.
  ///
  /// - Parameter threads: the largest number of threads; does not change the result.
  /// - Returns: a symmetric matrix, one row for each column of this.
  /// - Complexity: 2 · rows · columns² operations.
  func gram(threads: Int = 1) -> Matrix<Double> {
    // Blocks so long that their sums take no more room than the matrix.
    let length = Swift.max(4096, 8 * columns)
    let count = (rows + length - 1) / length
    let parts = Mutex([Int: Matrix<Double>]())
    ParallelBlocks.perform(count, threads: threads) { block in
      var sum = Matrix<Double>(rows: columns, columns: columns)
      for start in stride(from: block * length, to: min((block + 1) * length, rows), by: 512) {
        let piece = Matrix<Double>(self.rows(start..<min(start + 512, (block + 1) * length, rows)))
        sum.addProduct(transposed: piece, piece)
      }
      parts.withLock { $0[block] = sum }
    }
    let sums = parts.withLock { $0 }
    var total = sums[0] ?? Matrix<Double>(rows: columns, columns: columns)
    for block in 1..<Swift.max(count, 1) {
      if let sum = sums[block] { total.add(sum.elements, times: 1) }
    }
    return total
  }

  /// Orthonormal columns that span what the columns of this matrix span.
  ///
  /// Twice the Gram matrix of the columns, scaled to the same length, is factorized by Cholesky's
  /// method with exchange of columns, and the columns are divided by the factor. A column that the
  /// others give to about one part in a million is left out: in `Float` it says nothing of its own.
  /// The result is orthonormal to the rounding of `Float`; its rank is the number of its columns. Done
  /// once, it is so to that rounding times the condition of the scaled columns, which is enough where
  /// only their span counts.
  ///
  /// Source: Yamamoto, Nakatsukasa, Yanagisawa and Fukaya, "Roundoff error analysis of the
  /// CholeskyQR2 algorithm", ETNA 44 (2015); the exchange of columns is ours.
  ///
  /// - Parameters:
  ///   - rounds: how often it is done, 1 or 2.
  ///   - threads: the largest number of threads; does not change the result.
  /// - Returns: as many rows, at most as many columns.
  func orthonormalized(rounds: Int = 2, threads: Int = 1) -> Self {
    var result = self
    var gram = gram(threads: threads)
    let lengths = (0..<columns).map { Swift.max(gram[$0, $0], 0).squareRoot() }
    if lengths.contains(where: { $0 > 0 && !(0x1p-60...0x1p60).contains($0) }) {
      // What such columns would be divided by is beyond `Float`.
      result.divideColumns(by: lengths)
      gram = result.gram(threads: threads)
    }
    for round in 0..<rounds {
      if round > 0 { gram = result.gram(threads: threads) }
      result = result.times(Self(PivotedCholesky(gram).inverse), threads: threads)
    }
    return result
  }

  /// Divides each column by a length of its own, where that is not 0.
  private mutating func divideColumns(by lengths: [Double]) {
    let (rows, columns) = (rows, columns)
    var target = mutableElements
    for row in 0..<rows {
      for column in 0..<columns where lengths[column] > 0 {
        let place = row * columns + column
        target[place] = Float(Double(target[place]) / lengths[column])
      }
    }
  }
}

extension Matrix {
  /// Adds a multiple of other elements to all elements.
  mutating func add(_ others: [Scalar], times factor: Scalar) {
    precondition(others.count == elements.count, "the matrices differ in size")
    let source = others.span
    var target = mutableElements
    for i in 0..<source.count { target[i] += factor * source[i] }
  }
}

/// What makes columns orthonormal whose Gram matrix is given.
struct PivotedCholesky {
  /// Columns times this matrix are orthonormal: one column for each independent one.
  let inverse: Matrix<Double>

  /// How much of the square of a column must be its own for it to be kept.
  private static let tolerance = 1e-12

  /// Factorizes a Gram matrix.
  ///
  /// - Parameter gram: a symmetric matrix without negative eigenvalues.
  /// - Complexity: about n³ operations.
  init(_ gram: Matrix<Double>) {
    let count = gram.rows
    let lengths = (0..<count).map { max(gram[$0, $0], 0).squareRoot() }
    // Rows are columns of the factor: rest is what is left of the scaled Gram matrix.
    var rest = gram
    let factors = lengths.map { $0 > 0 ? 1 / $0 : 0 }
    rest.scaleRows(by: factors)
    rest.scaleColumns(by: factors)
    var rows: [Matrix<Double>] = []
    var order: [Int] = []
    var left = Array(0..<count)
    while let place = left.indices.max(by: { rest[left[$0], left[$0]] < rest[left[$1], left[$1]] })
    {
      let pivot = left[place]
      guard rest[pivot, pivot] > Self.tolerance else { break }
      left.remove(at: place)
      order.append(pivot)
      var row = rest.rows(pivot..<pivot + 1)
      row.scaleRows(by: [1 / rest[pivot, pivot].squareRoot()])
      for other in left {
        rest.add(row.elements, times: -row[0, other], toRow: other, from: 0)
      }
      rows.append(row)
    }
    inverse = Self.inverse(rows, order, factors)
  }

  /// Solves for the inverse of the triangular factor, with exchange and scale of columns undone.
  private static func inverse(
    _ rows: [Matrix<Double>], _ order: [Int], _ factors: [Double]
  ) -> Matrix<Double> {
    let rank = order.count
    // Rows of the transposed inverse, which is lower triangular: X Rᵀ = I from the last row up
    // would read columns, so forward substitution is done for the columns of the inverse.
    var transposed = Matrix<Double>(rows: rank, columns: rank)
    for j in 0..<rank {
      transposed[j, j] = 1
      for i in 0..<j {
        // Column j of the inverse takes off what column i already stands for.
        transposed.addRow(i, times: -rows[i][0, order[j]], to: j)
      }
      let pivot = rows[j][0, order[j]]
      var row = transposed.rows(j..<j + 1)
      row.scaleRows(by: [1 / pivot])
      for k in 0...j { transposed[j, k] = row[0, k] }
    }
    var result = Matrix<Double>(rows: factors.count, columns: rank)
    for (place, column) in order.enumerated() {
      for j in place..<max(rank, place) {
        result[column, j] = factors[column] * transposed[j, place]
      }
    }
    return result
  }
}
