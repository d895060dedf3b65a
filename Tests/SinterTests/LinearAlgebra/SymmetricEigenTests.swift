import Foundation
import Testing

@testable import Sinter

@Suite struct SymmetricEigenTests {
  @Test(arguments: [0, 1, 2, 3, 8, 33, 70], MatrixSample.Content.allCases)
  func `Vectors are orthonormal and give the matrix`(
    count: Int, content: MatrixSample.Content
  ) {
    let sample = MatrixSample.make([count + 2, count], content)
    let matrix = MatrixSample.naiveProduct(sample.transposed(), sample)
    let eigen = SymmetricEigen(matrix)
    #expect(eigen.vectors.transposed().orthonormalityError < 1e-13)
    #expect(eigen.values == eigen.values.sorted(by: >))
    var scaled = eigen.vectors
    scaled.scaleRows(by: eigen.values)
    let product = MatrixSample.naiveProduct(eigen.vectors.transposed(), scaled)
    #expect(product.distance(to: matrix) <= 1e-13 * matrix.largestMagnitude * Double(count))
    for row in 0..<count {
      let vector = (0..<count).map { eigen.vectors[row, $0] }
      let largest = vector.map(abs).max() ?? 0
      #expect(vector.first { abs($0) == largest } ?? 1 > 0)
    }
  }

  @Test func `Signs of eigenvalues are kept`() {
    let matrix = Matrix<Double>(rows: 3, columns: 3, elements: [0, 2, 0, 2, 0, 0, 0, 0, -5])
    let values = SymmetricEigen(matrix).values
    for (value, expected) in zip(values, [2.0, -2, -5]) { #expect(abs(value - expected) < 1e-14) }
  }

  @Test func `Eigenvalues are those of a closed form`() {
    // The matrix of min(i, j), whose smallest eigenvalues lie close together.
    let matrix = Matrix<Double>(
      rows: 12, columns: 12, elements: (0..<144).map { Double(min($0 / 12, $0 % 12) + 1) })
    for (k, value) in SymmetricEigen(matrix).values.enumerated() {
      let sine = sin(Double(2 * k + 1) * .pi / 50)
      #expect(abs(value - 0.25 / (sine * sine)) < 5e-14)
    }
  }

  @Test func `Size does not matter`() {
    let sample = MatrixSample.random(9, 9)
    var matrix = MatrixSample.naiveProduct(sample.transposed(), sample)
    let values = SymmetricEigen(matrix).values
    for scale in [0x1p-900, 0x1p900] {
      matrix = MatrixSample.naiveProduct(sample.transposed(), sample)
      matrix.scaleRows(by: Array(repeating: scale, count: 9))
      #expect(SymmetricEigen(matrix).values == values.map { $0 * scale })
    }
  }
}
