import SinterTensors
import Testing

@testable import Sinter

@Suite struct FactoredMatrixTests {
  private func sample(_ rows: Int, _ columns: Int, rank: Int, seed: UInt64 = 1) -> FactoredMatrix {
    FactoredMatrix(
      left: MatrixSample.random(rows, rank, seed: seed),
      right: MatrixSample.random(rank, columns, seed: seed + 1))
  }

  private func dense(_ product: FactoredMatrix) -> Matrix<Double> {
    MatrixSample.naiveProduct(product.left, product.right)
  }

  private static let shapes = [
    [1, 1, 1], [5, 3, 2], [3, 5, 4], [40, 30, 7], [4, 60, 9], [60, 4, 9], [17, 17, 17],
  ]

  @Test(arguments: shapes)
  func `balanced factors have the product times the number`(shape: [Int]) {
    let product = sample(shape[0], shape[1], rank: shape[2])
    for factor in [1.0, 2, -0.3, 1e9, -1e-9] {
      let balanced = product.balanced(times: factor)
      var expected = dense(product)
      expected.scaleRows(by: Array(repeating: factor, count: shape[0]))
      #expect(dense(balanced).distance(to: expected) <= 1e-13 * expected.largestMagnitude)
      let ratio = balanced.left.squaredNorm / balanced.right.squaredNorm
      #expect(ratio > 0.24 && ratio < 4.1)
    }
    // A power of two changes no bit of the product.
    #expect(dense(product.balanced(times: 1)) == dense(product))
    #expect(product.balanced(times: 0).rank == 0)
  }

  @Test(arguments: shapes)
  func `norm and elements`(shape: [Int]) {
    let product = sample(shape[0], shape[1], rank: shape[2])
    let expected = dense(product)
    #expect(abs(product.squaredNorm() - expected.squaredNorm) <= 1e-12 * expected.squaredNorm)
    let count = shape[0] * shape[1]
    for range in [0..<count, 0..<1, count - 1..<count, count / 3..<(2 * count / 3 + 1)] {
      var row = [Double](repeating: 1, count: range.count)
      var span = row.mutableSpan
      product.add(to: &span, range)
      for (place, element) in range.enumerated() {
        #expect(abs(row[place] - 1 - expected.elements[element]) < 1e-12)
      }
    }
  }

  @Test(arguments: shapes)
  func `singular values are those of the dense product`(shape: [Int]) {
    let product = sample(shape[0], shape[1], rank: shape[2])
    let exact = SingularValues(dense(product))
    let found = FactoredSingularValues(product)
    let most = min(shape[0], shape[1], shape[2])
    #expect(found.numericalRank == most)
    for place in 0..<most {
      #expect(abs(found.values[place] - exact.values[place]) < 1e-12 * exact.values[0])
    }
    for rank in 1...most {
      let tail = exact.values.dropFirst(rank).reduce(0) { $0 + $1 * $1 }
      #expect(abs(found.squaredTail(rank: rank) - tail) < 1e-12 * found.squaredNorm)
      var missing = dense(found.approximation(rank: rank))
      missing.add(dense(product).elements, times: -1)
      #expect(abs(missing.squaredNorm - tail) < 1e-12 * found.squaredNorm)
      #expect(found.rank(forEnergy: 1 - tail / found.squaredNorm - 1e-12) <= rank)
    }
    let (scaled, vectors) = found.basis()
    #expect(
      MatrixSample.naiveProduct(scaled, vectors).distance(to: dense(product))
        < 1e-12 * exact.values[0])
    #expect(vectors.transposed().orthonormalityError < 1e-12)
  }

  @Test func `factors that depend on each other have a smaller rank`() {
    let one = sample(9, 8, rank: 2)
    let twice = FactoredMatrix(sumOf: [one, one, FactoredMatrix(rows: 9, columns: 8)])
    #expect(twice.rank == 4)
    let found = FactoredSingularValues(twice)
    #expect(found.numericalRank == 2)
    #expect(found.rank(forEnergy: 1 - 1e-9) == 2)
    #expect(found.rank(forEnergy: 0) == 1)
  }

  @Test func `nothing`() {
    let zero = FactoredMatrix(rows: 3, columns: 4)
    #expect(zero.squaredNorm() == 0)
    #expect(FactoredMatrix(sumOf: [zero, zero]).rank == 0)
    #expect(zero.balanced(times: 3).rows == 3)
  }
}
