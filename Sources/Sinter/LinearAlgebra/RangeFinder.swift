import SinterTensors

/// Finds the directions in which a large matrix mostly acts, by a few passes over its rows.
///
/// The transpose of the matrix D times random signs gives a first basis; power iterations, each made
/// orthonormal again, turn it towards the largest singular vectors. With Z the basis in the end,
/// D Z Zᵀ is the approximation, and ‖D - D Z Zᵀ‖² = ‖D‖² - ‖D Z‖² gives its error.
///
/// The error comes near that of the best approximation of the same rank, and nearer with each
/// iteration: with two it is above it by less than one in a thousand where singular values fall
/// fast, and by one or two in a hundred where they fall as slowly as a straight line. What is known
/// is exact: the error of the approximation itself follows from the identity.
///
/// Source: Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM Review 53 (2011),
/// <https://arxiv.org/abs/0909.4061>, algorithms 4.4 and 5.1.
struct RangeFinder: Sendable {
  /// How often the basis is sent through the matrix and back, at least 0.
  var powerIterations = 2
  /// The source of the random signs.
  var random: CounterRandom
  /// The largest number of threads; does not change the result.
  var threads = 1

  /// How many directions are followed for a rank: some more, so that what lies just behind the last
  /// one that is wanted does not mix into it, up to a multiple of 16, which takes no longer.
  static func directions(rank: Int) -> Int { (rank + 10 + rank / 4 + 15) / 16 * 16 }

  /// Finds the directions for a rank.
  ///
  /// - Parameters:
  ///   - matrix: finite numbers.
  ///   - rank: the rank that is wanted, at least 1. When it comes near the smaller extent of the
  ///     matrix, all directions are found and nothing is random.
  /// - Returns: the directions and what the matrix does with them.
  /// - Throws: ``NonFinite`` when an element, or a sum of them, is NaN or infinite in `Float`;
  ///   whatever keeps rows from being read.
  /// - Complexity: 4 · (powerIterations + 1) · rows · columns · directions operations in
  ///   2 + 2 · powerIterations passes.
  func sketch(_ matrix: some RowStream, rank: Int) throws -> Sketch {
    precondition(rank >= 1, "the rank is at least 1")
    let limit = min(matrix.rows, matrix.columns)
    let count = Self.directions(rank: rank)
    guard count < limit else { return try completeSketch(matrix) }
    var squaredNorm = 0.0
    var basis = Matrix<Float>(rows: matrix.columns, columns: count)
    try matrix.forEachBlock(threads: threads) { start, block in
      for row in 0..<block.rows { squaredNorm += block.squaredNorm(ofRow: row) }
      basis.addProduct(
        transposed: block, signs(start..<start + block.rows, columns: count),
        threads: threads)
    }
    guard squaredNorm.isFinite else { throw NonFinite() }
    for iteration in 0...powerIterations {
      if iteration > 0 { basis = try turned(basis, by: matrix) }
      // Until the end columns need only stay apart from each other.
      basis = basis.orthonormalized(
        rounds: iteration == powerIterations ? 2 : 1, threads: threads)
    }
    return try sketch(try image(of: basis, matrix), basis, squaredNorm)
  }

  /// A basis sent through the matrix and back.
  private func turned(
    _ basis: Matrix<Float>, by matrix: some RowStream
  ) throws -> Matrix<Float> {
    let image = try image(of: basis, matrix).orthonormalized(rounds: 1, threads: threads)
    var result = Matrix<Float>(rows: matrix.columns, columns: image.columns)
    try matrix.forEachBlock(threads: threads) { start, block in
      result.addProduct(
        transposed: block, image.rows(start..<start + block.rows), threads: threads)
    }
    return result
  }

  /// A matrix holds numbers that are NaN or infinite, or too large to be summed.
  struct NonFinite: Error {}

  private func sketch(
    _ image: Matrix<Float>, _ basis: Matrix<Float>, _ squaredNorm: Double
  ) throws(NonFinite) -> Sketch {
    // Sums that overflow leave a basis without columns.
    let isLost = basis.columns == 0 && squaredNorm > 0
    guard squaredNorm.isFinite, image.squaredNorm.isFinite, !isLost else { throw NonFinite() }
    return Sketch(image: image, basis: basis, squaredNorm: squaredNorm, threads: threads)
  }

  /// All directions of a matrix.
  private func completeSketch(_ matrix: some RowStream) throws -> Sketch {
    var squaredNorm = 0.0
    var rows: [Matrix<Float>] = []
    try matrix.forEachBlock(threads: threads) { _, block in
      for row in 0..<block.rows { squaredNorm += block.squaredNorm(ofRow: row) }
      rows.append(block)
    }
    let whole = Matrix(stacked: rows)
    guard squaredNorm.isFinite else { throw NonFinite() }
    guard matrix.rows < matrix.columns else {
      return try sketch(whole, .identity(matrix.columns), squaredNorm)
    }
    let basis = whole.transposed().orthonormalized(threads: threads)
    return try sketch(whole.times(basis, threads: threads), basis, squaredNorm)
  }

  /// The product of the matrix with a basis.
  private func image(
    of basis: Matrix<Float>, _ matrix: some RowStream
  ) throws -> Matrix<Float> {
    var parts: [Matrix<Float>] = []
    try matrix.forEachBlock(threads: threads) { _, block in
      parts.append(block.times(basis, threads: threads))
    }
    return parts.count == 1 ? parts[0] : Matrix(stacked: parts)
  }

  /// Random signs for some rows of the matrix, a bit for each.
  private func signs(_ rows: Range<Int>, columns: Int) -> Matrix<Float> {
    let words = (columns + 31) / 32
    var bits = [UInt32](repeating: 0, count: words * rows.count)
    var span = bits.mutableSpan
    random.fill(&span, from: rows.lowerBound * words)
    var result = Matrix<Float>(rows: rows.count, columns: columns)
    var target = result.mutableElements
    for row in 0..<rows.count {
      for column in 0..<columns {
        let word = bits[row * words + column / 32]
        target[row * columns + column] = word >> UInt32(column % 32) & 1 == 0 ? 1 : -1
      }
    }
    return result
  }
}
