import Testing

@testable import Sinter

@Suite struct MatrixTests {
  @Test func `Rows come one after another`() {
    let matrix = Matrix<Double>(rows: 2, columns: 3, elements: [1, 2, 3, 4, 5, 6])
    #expect(matrix[0, 2] == 3)
    #expect(matrix[1, 0] == 4)
    #expect(matrix.transposed().elements == [1, 4, 2, 5, 3, 6])
    #expect(matrix.squaredNorm == 91)
    #expect(matrix.largestMagnitude == 6)
    #expect(matrix.prefix(columns: 2).elements == [1, 2, 4, 5])
    #expect(matrix.columns([2, 0]).elements == [3, 1, 6, 4])
    #expect(matrix.rows(1..<2).elements == [4, 5, 6])
    #expect(Matrix(stacked: [matrix, matrix.rows(0..<1)]).elements == [1, 2, 3, 4, 5, 6, 1, 2, 3])
    #expect(
      Matrix(sideBySide: [matrix, matrix.prefix(columns: 1)]).elements
        == [1, 2, 3, 1, 4, 5, 6, 4])
  }

  @Test(arguments: MatrixSample.shapes)
  func `Transposing twice changes nothing`(shape: [Int]) {
    let matrix = MatrixSample.make(shape, .random)
    let transposed = matrix.transposed()
    #expect(transposed.rows == shape[1] && transposed.columns == shape[0])
    #expect(transposed.transposed() == matrix)
    for row in 0..<shape[0] {
      for column in 0..<shape[1] { #expect(transposed[column, row] == matrix[row, column]) }
    }
  }

  @Test func `Rows and columns are scaled by factors of their own`() {
    var matrix = Matrix<Double>(rows: 2, columns: 2, elements: [1, 2, 3, 4])
    matrix.scaleRows(by: [2, -1])
    #expect(matrix.elements == [2, 4, -3, -4])
    matrix.scaleColumns(by: [0.5, 10])
    #expect(matrix.elements == [1, 40, -1.5, -40])
  }

  @Test func `Rows are added and turned`() {
    var matrix = Matrix<Double>(rows: 2, columns: 3, elements: [1, 2, 3, 4, 5, 6])
    matrix.addRow(0, times: 2, to: 1, from: 1)
    #expect(matrix.elements == [1, 2, 3, 4, 9, 12])
    matrix.add([1, 1], times: -1, toRow: 0, from: 1)
    #expect(matrix.elements == [1, 1, 2, 4, 9, 12])
    matrix.rotateRows(0, 1, cosine: 0, sine: 1)
    #expect(matrix.elements == [-4, -9, -12, 1, 1, 2])
  }

  @Test func `Numbers are rounded to the other precision`() {
    let matrix = Matrix<Double>(rows: 1, columns: 2, elements: [0.1, 1])
    #expect(Matrix<Float>(matrix).elements == [0.1 as Float, 1])
    #expect(Matrix<Double>(Matrix<Float>(matrix)).elements == [Double(0.1 as Float), 1])
  }
}
