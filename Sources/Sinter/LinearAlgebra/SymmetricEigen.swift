import SinterTensors

/// The eigenvalues and eigenvectors of a symmetric matrix.
///
/// Reflections make the matrix tridiagonal, rotations of the implicit QL method then diagonal.
/// Each eigenvalue has an error of a few roundings of the largest, and the vectors are orthonormal to
/// rounding. The largest element of each vector, the first of equal ones, is positive.
///
/// Source: Golub and Van Loan, "Matrix Computations", 4th edition, section 8.3.
struct SymmetricEigen {
  /// The eigenvalues, largest first.
  let values: [Double]
  /// The eigenvectors, one in each row, in the order of the values.
  let vectors: Matrix<Double>

  /// Solves the problem.
  ///
  /// - Parameter matrix: a square matrix of finite numbers, taken to be symmetric.
  /// - Complexity: about 9 · n³ operations.
  init(_ matrix: Matrix<Double>) {
    precondition(matrix.rows == matrix.columns, "the matrix is not square")
    // Squares of elements must neither overflow nor vanish.
    let exponent = matrix.largestMagnitude > 0 ? matrix.largestMagnitude.exponent : 0
    let unit = Double(sign: .plus, exponent: -exponent, significand: 1)
    var scaled = matrix
    scaled.scaleRows(by: Array(repeating: unit, count: matrix.rows))
    var tridiagonal = Tridiagonal(scaled)
    tridiagonal.diagonalize()
    let order = tridiagonal.diagonal.indices.sorted {
      (-tridiagonal.diagonal[$0], $0) < (-tridiagonal.diagonal[$1], $1)
    }
    values = order.map { tridiagonal.diagonal[$0] / unit }
    var vectors = Matrix<Double>(rows: matrix.rows, columns: matrix.columns)
    for (place, source) in order.enumerated() {
      let row = tridiagonal.vectors.row(source)
      let sign: Double = Self.isLargestNegative(row) ? -1 : 1
      for j in 0..<matrix.columns { vectors[place, j] = sign * row[j] }
    }
    self.vectors = vectors
  }

  /// Whether the element of largest magnitude, the first of equal ones, is negative.
  static func isLargestNegative(_ row: Span<Double>) -> Bool {
    var largest = 0.0
    for i in 0..<row.count where row[i].magnitude > largest.magnitude { largest = row[i] }
    return largest < 0
  }
}

/// A tridiagonal matrix that is similar to a symmetric one.
private struct Tridiagonal {
  private(set) var diagonal: [Double]
  /// `beside[i]` stands beside `diagonal[i]` and `diagonal[i + 1]`; the last is 0.
  private var beside: [Double]
  /// In row i what the i-th axis stands for.
  private(set) var vectors: Matrix<Double>

  init(_ matrix: Matrix<Double>) {
    let count = matrix.rows
    var rest = matrix
    var reflections: [Reflection] = []
    beside = Array(repeating: 0, count: count)
    for k in 0..<max(0, count - 1) {
      let reflection = Reflection(rest.row(k, from: k + 1))
      beside[k] = reflection.head
      Self.reflect(&rest, from: k + 1, by: reflection)
      reflections.append(reflection)
    }
    diagonal = (0..<count).map { rest[$0, $0] }
    var basis = Matrix<Double>.identity(count)
    // The last reflection first: it leaves most of the identity as it is.
    for k in reflections.indices.reversed() {
      Self.reflectRows(of: &basis, from: k + 1, by: reflections[k])
    }
    vectors = basis.transposed()
  }

  /// Reflects a symmetric block from both sides.
  private static func reflect(
    _ matrix: inout Matrix<Double>, from start: Int, by reflection: Reflection
  ) {
    guard reflection.scale != 0 else { return }
    let (v, scale) = (reflection.vector, reflection.scale)
    var w = v.indices.map {
      scale * Reduction.dot(v.span, matrix.row(start + $0, from: start))
    }
    let half = scale / 2 * Reduction.dot(v.span, w.span)
    for i in w.indices { w[i] -= half * v[i] }
    for i in v.indices {
      matrix.add(w, times: -v[i], toRow: start + i, from: start)
      matrix.add(v, times: -w[i], toRow: start + i, from: start)
    }
  }

  /// Reflects the columns of a block.
  private static func reflectRows(
    of matrix: inout Matrix<Double>, from start: Int, by reflection: Reflection
  ) {
    guard reflection.scale != 0 else { return }
    let v = reflection.vector
    var sums = Matrix<Double>(rows: 1, columns: v.count)
    for i in v.indices {
      sums.add(
        Array(
          matrix.elements[(start + i) * matrix.columns + start..<(start + i + 1) * matrix.columns]),
        times: v[i], toRow: 0, from: 0)
    }
    for i in v.indices {
      matrix.add(sums.elements, times: -reflection.scale * v[i], toRow: start + i, from: start)
    }
  }

  /// Rotates until nothing is left beside the diagonal.
  mutating func diagonalize() {
    let count = diagonal.count
    // Two rotations of the whole matrix are enough on average; this many end the search in NaN.
    var left = 60 * count
    var start = 0
    while start < count {
      let end = endOfBlock(from: start)
      if end == start {
        start += 1
      } else {
        precondition(left > 0, "the eigenvalues of numbers that are not finite were asked for")
        left -= 1
        step(start..<end)
      }
    }
  }

  /// The last row of the block that begins at a row: the next one with nothing beside it.
  private mutating func endOfBlock(from start: Int) -> Int {
    var end = start
    while end < diagonal.count - 1 {
      let scale = diagonal[end].magnitude + diagonal[end + 1].magnitude
      if beside[end].magnitude <= scale * Double.ulpOfOne / 2 {
        beside[end] = 0
        break
      }
      end += 1
    }
    return end
  }

  /// One step of the implicit QL method over a block, whose last row is the upper bound.
  private mutating func step(_ block: Range<Int>) {
    let (start, end) = (block.lowerBound, block.upperBound)
    let half = (diagonal[start + 1] - diagonal[start]) / (2 * beside[start])
    let root = (half * half + 1).squareRoot()
    let shift = diagonal[start] - beside[start] / (half + (half < 0 ? -root : root))
    var (cosine, sine) = (1.0, 1.0)
    var bulge = diagonal[end] - shift
    var carry = 0.0
    for i in stride(from: end - 1, through: start, by: -1) {
      let (f, b) = (sine * beside[i], cosine * beside[i])
      let length = (f * f + bulge * bulge).squareRoot()
      beside[i + 1] = length
      if length == 0 {
        diagonal[i + 1] -= carry
        beside[end] = 0
        return
      }
      (sine, cosine) = (f / length, bulge / length)
      let g = diagonal[i + 1] - carry
      let r = (diagonal[i] - g) * sine + 2 * cosine * b
      carry = sine * r
      diagonal[i + 1] = g + carry
      bulge = cosine * r - b
      vectors.rotateRows(i, i + 1, cosine: cosine, sine: sine)
    }
    diagonal[start] -= carry
    beside[start] = bulge
    beside[end] = 0
  }
}
