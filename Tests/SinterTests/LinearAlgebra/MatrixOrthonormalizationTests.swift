import Testing

@testable import Sinter

@Suite struct MatrixOrthonormalizationTests {
  @Test(arguments: MatrixSample.shapes, MatrixSample.Content.allCases)
  func `Columns become orthonormal and span the same`(
    shape: [Int], content: MatrixSample.Content
  ) {
    guard content != .tiny else { return }
    let matrix = Matrix<Float>(MatrixSample.make(shape, content))
    let basis = Matrix<Double>(matrix.orthonormalized())
    #expect(basis.rows == shape[0] && basis.columns <= min(shape[0], shape[1]))
    #expect(basis.orthonormalityError < 1e-6)
    // What the basis does not reach of a column is rounding.
    let exact = Matrix<Double>(matrix)
    let reached = MatrixSample.naiveProduct(
      basis, MatrixSample.naiveProduct(basis.transposed(), exact))
    for column in 0..<shape[1] {
      let own = exact.columns([column])
      // Below that the numbers of a column have lost digits.
      guard own.largestMagnitude > 1e-30 else { continue }
      #expect(
        reached.columns([column]).distance(to: own) <= 5e-6 * own.squaredNorm.squareRoot())
    }
    switch content {
    case .zero: #expect(basis.columns == 0)
    case .lowRank: #expect(basis.columns == min(2, shape[0], shape[1]))
    case .equalColumns: #expect(basis.columns == min(1, shape[0], shape[1]))
    default:
      let count = (0..<shape[1]).count { exact.columns([$0]).squaredNorm > 0 }
      #expect(basis.columns == min(shape[0], count))
    }
  }

  @Test(arguments: [1, 2, 3, 8])
  func `Gram matrices are exact for small integers, with any number of threads`(threads: Int) {
    let matrix = Matrix<Float>(
      rows: 9000, columns: 3, elements: (0..<27_000).map { Float($0 % 7) })
    let wide = Matrix<Double>(matrix)
    #expect(
      matrix.gram(threads: threads) == MatrixSample.naiveProduct(wide.transposed(), wide))
  }

  @Test func `Columns that are far from each other in length do not disturb each other`() {
    var sample = MatrixSample.random(50, 6)
    sample.scaleColumns(by: [1, 1e-30, 1e30, 1e-15, 1e15, 1])
    let basis = Matrix<Double>(Matrix<Float>(sample).orthonormalized())
    #expect(basis.columns == 6)
    #expect(basis.orthonormalityError < 1e-6)
  }
}
