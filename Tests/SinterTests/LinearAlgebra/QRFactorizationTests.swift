import Testing

@testable import Sinter

@Suite struct QRFactorizationTests {
  @Test(arguments: MatrixSample.shapes, MatrixSample.Content.allCases)
  func `Factors are thin, triangular, orthonormal, and give the matrix`(
    shape: [Int], content: MatrixSample.Content
  ) {
    let matrix = MatrixSample.make(shape, content)
    let count = min(shape[0], shape[1])
    for pivoting in [QRFactorization.Pivoting.none, .columns] {
      let factors = QRFactorization(matrix, pivoting: pivoting)
      #expect(factors.q.rows == shape[0] && factors.q.columns == count)
      #expect(factors.q.orthonormalityError < 1e-13)
      let picked = matrix.columns(factors.order)
      let product = MatrixSample.naiveProduct(factors.q, factors.r)
      for column in 0..<shape[1] {
        let exact = picked.columns([column])
        let distance = product.columns([column]).distance(to: exact)
        #expect(distance <= 1e-13 * exact.squaredNorm.squareRoot())
      }
      for row in 0..<count {
        #expect(factors.r[row, row] >= 0)
        for column in 0..<row { #expect(factors.r[row, column] == 0) }
      }
      #expect(factors.order.sorted() == Array(0..<shape[1]))
      if pivoting == .none {
        #expect(factors.order == Array(0..<shape[1]))
      } else {
        for row in 1..<max(count, 1) {
          #expect(factors.r[row, row] <= factors.r[row - 1, row - 1] * (1 + 1e-12))
        }
      }
    }
  }
}
