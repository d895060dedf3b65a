import Foundation
import Testing

@testable import Sinter

@Suite struct SingularValuesTests {
  @Test(arguments: MatrixSample.shapes, MatrixSample.Content.allCases)
  func `Vectors are orthonormal and give the matrix`(
    shape: [Int], content: MatrixSample.Content
  ) {
    let matrix = MatrixSample.make(shape, content)
    let count = min(shape[0], shape[1])
    let result = SingularValues(matrix)
    #expect(result.left.rows == shape[0] && result.left.columns == count)
    #expect(result.right.rows == count && result.right.columns == shape[1])
    #expect(result.left.orthonormalityError < 1e-13)
    #expect(result.right.transposed().orthonormalityError < 1e-13)
    #expect(result.values == result.values.sorted(by: >))
    #expect(result.values.allSatisfy { $0 >= 0 })
    var scaled = result.left
    scaled.scaleColumns(by: result.values)
    let product = MatrixSample.naiveProduct(scaled, result.right)
    // The norm may be beyond what squares can hold.
    let size = matrix.largestMagnitude * Double(max(shape[0], shape[1], 1))
    #expect(product.distance(to: matrix) <= 1e-13 * size)
    let wide = SingularValues(matrix.transposed())
    for (value, other) in zip(result.values, wide.values) {
      #expect(abs(value - other) <= 1e-13 * size)
    }
  }

  @Test func `Singular values agree with a computation of 60 digits`() {
    // The Hilbert matrix of order 10 times 232792560, so that its elements are integers; mpmath.
    let expected = [
      1.7519196702651775, 3.429295484835091e-1, 3.5741816271639236e-2, 2.5308907686700381e-3,
      1.2874961427637708e-4, 4.7296892931823475e-6, 1.228967738751175e-7, 2.1474388173504786e-9,
      2.2667467477629255e-11, 1.0931538193796658e-13,
    ]
    let factor = 232_792_560.0
    let matrix = Matrix<Double>(
      rows: 10, columns: 10, elements: (0..<100).map { factor / Double($0 / 10 + $0 % 10 + 1) })
    for (value, exact) in zip(SingularValues(matrix).values, expected) {
      #expect(abs(value / factor - exact) < 2e-15)
    }
  }

  @Test func `Small singular values of a graded matrix are as accurate as large ones`() {
    // Columns of small integers, column j times 2^(-12 j); mpmath with 60 digits.
    let expected = [
      10, 2.35440693838136e-3, 5.5346453550326395e-7, 1.4528169664493918e-10,
      1.0378311956226693e-14, 5.6287890099509152e-18,
    ]
    var matrix = Matrix<Double>(rows: 9, columns: 6)
    for i in 0..<9 {
      for j in 0..<6 {
        matrix[i, j] = Double((7 * i + 3 * j * j + i * j) % 11 - 5) * pow(2, Double(-12 * j))
      }
    }
    let values = SingularValues(matrix).values
    for (value, exact) in zip(values.dropFirst(), expected.dropFirst()) {
      #expect(abs(value / exact - 1) < 1e-13)
    }
    for (value, exact) in zip(SingularValues(matrix.transposed()).values, values) {
      #expect(abs(value / exact - 1) < 1e-13)
    }
  }

  @Test func `Known singular values come back`() {
    let expected = (0..<20).map { pow(0.5, Double($0)) }
    let matrix = MatrixSample.make(50, 30, singularValues: expected)
    let values = SingularValues(matrix).values
    #expect(values.count == 30)
    for (value, exact) in zip(values, expected + Array(repeating: 0, count: 10)) {
      #expect(abs(value - exact) < 1e-14)
    }
  }

  @Test func `Signs are fixed by the right vectors`() {
    let result = SingularValues(MatrixSample.random(12, 7))
    var turned = MatrixSample.random(12, 7)
    turned.scaleRows(by: Array(repeating: -1, count: 12))
    let other = SingularValues(turned)
    #expect(other.right == result.right)
    for row in 0..<7 {
      let vector = (0..<7).map { result.right[row, $0] }
      #expect(vector.max { abs($0) < abs($1) } ?? 0 > 0)
    }
  }

  @Test func `Size does not matter`() {
    let sample = MatrixSample.random(9, 5)
    let values = SingularValues(sample).values
    for scale in [0x1p-1000, 0x1p1000] {
      var matrix = sample
      matrix.scaleRows(by: Array(repeating: scale, count: 9))
      #expect(SingularValues(matrix).values == values.map { $0 * scale })
    }
  }
}
