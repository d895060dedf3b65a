import SinterTensors
import Testing

@testable import Sinter

@Suite struct FactoredStackTests {
  private let stack = FactoredStack(
    (0..<3).map { expert in
      FactoredMatrix(
        left: MatrixSample.random(4, 2, seed: UInt64(expert)),
        right: MatrixSample.random(2, 5, seed: UInt64(expert) + 10))
    })

  @Test func `any elements are those of the matrices one below the other`() {
    let whole = stack.matrices.flatMap { MatrixSample.naiveProduct($0.left, $0.right).elements }
    #expect(stack.shape == [3, 4, 5])
    #expect(stack.rows == 12 && stack.columns == 5)
    for start in 0..<whole.count {
      for end in start...whole.count {
        var row = [Double](repeating: 1, count: end - start)
        var span = row.mutableSpan
        stack.add(to: &span, start..<end)
        let isSame = zip(row, whole[start..<end]).allSatisfy { abs($0 - 1 - $1) < 1e-15 }
        #expect(isSame, "\(start)..<\(end)")
      }
    }
  }

  @Test func `one matrix has two axes, a vector one row`() {
    #expect(FactoredStack([stack.matrices[0]]).shape == [4, 5])
    let vector = FactoredStack([3, 0.1, -7])
    var row = [Double](repeating: 0, count: 3)
    var span = row.mutableSpan
    vector.add(to: &span, 0..<3)
    #expect(row == [3, 0.1, -7])
  }
}
