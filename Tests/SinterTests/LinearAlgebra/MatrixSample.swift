import Foundation

@testable import Sinter

/// Matrices to try linear algebra on, and what is compared.
enum MatrixSample {
  /// Shapes with and without elements, tall, wide and square, within and beyond blocks.
  static let shapes = [
    [0, 0], [0, 3], [3, 0], [1, 1], [1, 7], [7, 1], [2, 2], [5, 3], [3, 5], [17, 17], [40, 13],
    [13, 40], [65, 9], [67, 70],
  ]

  /// Kinds of content that have gone wrong somewhere.
  enum Content: CaseIterable {
    /// Normally distributed numbers.
    case random
    /// Zeros.
    case zero
    /// Normally distributed, but of rank 2.
    case lowRank
    /// Columns that fall by factors of 10.
    case graded
    /// Columns that are all the same.
    case equalColumns
    /// Very small numbers.
    case tiny
  }

  static func random(_ rows: Int, _ columns: Int, seed: UInt64 = 0) -> Matrix<Double> {
    var random = TestRandom(seed: seed, "\(rows) x \(columns)")
    return Matrix(
      rows: rows, columns: columns, elements: (0..<rows * columns).map { _ in random.normal() })
  }

  static func make(_ shape: [Int], _ content: Content) -> Matrix<Double> {
    let (rows, columns) = (shape[0], shape[1])
    var result = random(rows, columns)
    switch content {
    case .random: break
    case .zero: result = Matrix(rows: rows, columns: columns)
    case .lowRank:
      result = naiveProduct(random(rows, 2, seed: 1), random(2, columns, seed: 2))
    case .graded: result.scaleColumns(by: (0..<columns).map { pow(10, -Double($0)) })
    case .equalColumns:
      for row in 0..<rows { for column in 0..<columns { result[row, column] = Double(row + 1) } }
    case .tiny: result.scaleRows(by: Array(repeating: 1e-140, count: rows))
    }
    return result
  }

  /// A matrix with given singular values.
  static func make(_ rows: Int, _ columns: Int, singularValues: [Double], seed: UInt64 = 0)
    -> Matrix<Double>
  {
    let count = singularValues.count
    var left = QRFactorization(random(rows, count, seed: seed)).q
    left.scaleColumns(by: singularValues)
    return left.timesTransposed(QRFactorization(random(columns, count, seed: seed + 1)).q)
  }

  /// The product by its definition.
  static func naiveProduct(_ left: Matrix<Double>, _ right: Matrix<Double>) -> Matrix<Double> {
    var result = Matrix<Double>(rows: left.rows, columns: right.columns)
    for i in 0..<left.rows {
      for j in 0..<right.columns {
        var sum = 0.0
        for k in 0..<left.columns { sum += left[i, k] * right[k, j] }
        result[i, j] = sum
      }
    }
    return result
  }
}

extension Matrix<Double> {
  /// The largest difference of two elements; infinite when the shapes differ.
  func distance(to other: Self) -> Double {
    guard rows == other.rows, columns == other.columns else { return .infinity }
    return zip(elements, other.elements).reduce(0) { largest, pair in
      let difference = abs(pair.0 - pair.1)
      return difference.isNaN ? .infinity : Swift.max(largest, difference)
    }
  }

  /// How far the columns are from being orthonormal.
  var orthonormalityError: Double {
    MatrixSample.naiveProduct(transposed(), self).distance(to: .identity(columns))
  }
}
