import SinterTensors
import Testing

@testable import Sinter

@Suite struct MatrixProductTests {
  private static let extents = [0, 1, 2, 5, 63, 64, 65, 130]

  /// The bound of the documentation.
  private static func bound(
    _ left: Matrix<Double>, _ right: Matrix<Double>, rounding: Double
  ) -> Double {
    let count = Double(left.columns)
    let largest = (left.largestMagnitude * right.largestMagnitude) * count
    return (64 + count / 64 + 2) * rounding * largest
  }

  @Test(arguments: extents)
  func `Products are those of the definition`(inner: Int) {
    for (rows, columns) in [(0, 3), (3, 0), (1, 1), (5, 4), (66, 17)] {
      let left = MatrixSample.random(rows, inner, seed: 1)
      let right = MatrixSample.random(inner, columns, seed: 2)
      let expected = MatrixSample.naiveProduct(left, right)
      let bound = Self.bound(left, right, rounding: Double.ulpOfOne)
      #expect(left.times(right).distance(to: expected) <= bound)
      #expect(left.transposed().transposedTimes(right).distance(to: expected) <= bound)
      #expect(left.timesTransposed(right.transposed()).distance(to: expected) <= bound)
    }
  }

  @Test func `Products of integers are exact`() {
    let left = Matrix<Float>(
      rows: 70, columns: 200, elements: (0..<14000).map { Float($0 * 7 % 13 - 6) })
    let right = Matrix<Float>(
      rows: 200, columns: 9, elements: (0..<1800).map { Float($0 * 5 % 11 - 5) })
    let expected = MatrixSample.naiveProduct(Matrix<Double>(left), Matrix<Double>(right))
    #expect(Matrix<Double>(left.times(right)) == expected)
    #expect(Matrix<Double>(left.transposed().transposedTimes(right)) == expected)
  }

  @Test func `Float sums of many terms stay accurate`() {
    let left = Matrix<Float>(MatrixSample.random(3, 20_000, seed: 3))
    let right = Matrix<Float>(MatrixSample.random(20_000, 2, seed: 4))
    let expected = MatrixSample.naiveProduct(Matrix<Double>(left), Matrix<Double>(right))
    // Some 20 roundings of the length of the vectors, where a plain sum has hundreds.
    #expect(Matrix<Double>(left.times(right)).distance(to: expected) < 0.002)
  }

  @Test(arguments: [2, 3, 8])
  func `Threads do not change a bit`(threads: Int) {
    let left = Matrix<Float>(MatrixSample.random(301, 150, seed: 5))
    let right = Matrix<Float>(MatrixSample.random(150, 21, seed: 6))
    #expect(left.times(right, threads: threads) == left.times(right))
    let transposed = left.transposed()
    #expect(
      transposed.transposedTimes(right, threads: threads) == transposed.transposedTimes(right))
    #expect(
      left.timesTransposed(right.transposed(), threads: threads)
        == left.timesTransposed(right.transposed()))
  }

  @Test(arguments: [64, 128, 192])
  func `Parts of whole blocks add up to the same bits`(part: Int) {
    let left = Matrix<Float>(MatrixSample.random(200, 33, seed: 7))
    let right = Matrix<Float>(MatrixSample.random(200, 11, seed: 8))
    var sum = Matrix<Float>(rows: 33, columns: 11)
    for start in stride(from: 0, to: 200, by: part) {
      let rows = start..<min(start + part, 200)
      sum.addProduct(transposed: left.rows(rows), right.rows(rows))
    }
    #expect(sum == left.transposedTimes(right))
  }

  @Test(arguments: [1, 5, 16, 31, 64, 67, 100])
  func `All levels of vector instructions give the bits of the plain loop`(columns: Int) {
    for (rows, inner) in [(1, 1), (6, 64), (7, 65), (13, 200)] {
      let left = Matrix<Float>(MatrixSample.random(rows, inner, seed: 9))
      let right = Matrix<Float>(MatrixSample.random(inner, columns, seed: 10))
      let wide = (left: Matrix<Double>(left), right: Matrix<Double>(right))
      let (expected, wideExpected) = (plain(left, right), plain(wide.left, wide.right))
      for level in KernelLevel.available {
        KernelLevel.with(level) {
          #expect(left.times(right) == expected)
          #expect(left.transposed().transposedTimes(right) == expected)
          #expect(wide.left.times(wide.right) == wideExpected)
        }
      }
    }
  }

  /// Sums of blocks of 64 terms, each from zero; a product is rounded with the sum that it is added
  /// to.
  private func plain<Scalar>(
    _ left: Matrix<Scalar>, _ right: Matrix<Scalar>
  ) -> Matrix<Scalar> {
    var result = Matrix<Scalar>(rows: left.rows, columns: right.columns)
    for i in 0..<left.rows {
      for j in 0..<right.columns {
        for start in stride(from: 0, to: left.columns, by: 64) {
          var sum: Scalar = 0
          for k in start..<min(start + 64, left.columns) {
            sum.addProduct(left[i, k], right[k, j])
          }
          result[i, j] += sum
        }
      }
    }
    return result
  }

  @Test func `A product is added to what is there`() {
    var sum = Matrix<Double>(rows: 1, columns: 1, elements: [10])
    sum.addProduct(
      Matrix(rows: 1, columns: 2, elements: [1, 2]), Matrix(rows: 2, columns: 1, elements: [3, 4]))
    #expect(sum.elements == [21])
  }
}
