import SinterTensors

/// A large matrix D as seen in a few directions: Z with orthonormal columns, and D Z.
struct Sketch: Sendable {
  /// D Z, one row for each row of the matrix.
  let image: Matrix<Float>
  /// Z, one row for each column of the matrix.
  let basis: Matrix<Float>
  /// ‖D‖², in `Double`.
  let squaredNorm: Double
  /// The singular values of D Z, largest first; they are never above those of D.
  let singularValues: [Double]

  /// In each row the combination of directions that a singular value belongs to.
  private let directions: Matrix<Double>
  private let threads: Int

  /// Prepares a sketch.
  ///
  /// - Complexity: 2 · rows · k² + 9 · k³ operations for k directions.
  init(image: Matrix<Float>, basis: Matrix<Float>, squaredNorm: Double, threads: Int) {
    self.image = image
    self.basis = basis
    self.squaredNorm = squaredNorm
    self.threads = threads
    let eigen = SymmetricEigen(image.gram(threads: threads))
    singularValues = eigen.values.map { max($0, 0).squareRoot() }
    directions = eigen.vectors
  }

  /// The number of singular values that stand out of the rounding of `Float`, at least 1 unless
  /// there are none.
  var numericalRank: Int {
    let first = singularValues.first ?? 0
    return max(min(1, singularValues.count), singularValues.count { $0 > first * 0x1p-22 })
  }

  /// The smallest rank that keeps a share of the square of the norm.
  ///
  /// - Parameter energy: the share, 0...1.
  /// - Returns: the rank, at least 1; `nil` when all directions of the sketch are not enough.
  func rank(forEnergy energy: Double) -> Int? {
    var missing = squaredNorm
    for (place, value) in singularValues.enumerated() {
      missing -= value * value
      if missing <= (1 - energy) * squaredNorm { return place + 1 }
    }
    return nil
  }

  /// The share of ‖D‖² that the best approximation of a rank within these directions misses.
  ///
  /// It is a difference of two large numbers of which one stems from sums in `Float`: below about
  /// 10^-6 it says only that little is missing.
  func missingShare(rank: Int) -> Double {
    guard squaredNorm > 0 else { return 0 }
    let kept = singularValues.prefix(rank).reduce(0) { $0 + $1 * $1 }
    return min(max(0, (squaredNorm - kept) / squaredNorm), 1)
  }

  /// The factors of the approximation of a rank, D ≈ left · right, of equal weight: with U · S · Vᵀ
  /// the approximation, left is U · √S and right is √S · Vᵀ.
  ///
  /// - Parameter rank: at most the number of directions.
  /// - Returns: the factors; both are zero where a singular value is.
  func factors(rank: Int) -> (left: Matrix<Float>, right: Matrix<Float>) {
    precondition(rank <= singularValues.count, "there are not so many directions")
    let picked = directions.rows(0..<rank).transposed()
    let roots = singularValues.prefix(rank).map { $0.squareRoot() }
    var left = picked
    left.scaleColumns(by: roots.map { $0 > 0 ? 1 / $0 : 0 })
    var right = picked
    right.scaleColumns(by: roots)
    return (
      image.times(Matrix<Float>(left), threads: threads),
      basis.times(Matrix<Float>(right), threads: threads).transposed()
    )
  }
}
