import Foundation
import SinterTensors
import Testing

@testable import Sinter

@Suite struct RangeFinderTests {
  private static let finder = RangeFinder(random: CounterRandom(seed: 7, stream: 3))

  /// Singular values that fall in different ways.
  private static let spectra: [(name: String, values: [Double])] = {
    let places = (1...60).map { Double($0) }
    return [
      ("flat", places.map { _ in 1 }),
      ("line", places.map { 1 - ($0 - 1) / 60 }),
      ("square root", places.map { 1 / $0.squareRoot() }),
      ("inverse", places.map { 1 / $0 }),
      ("exponential", places.map { pow(0.7, $0) }),
    ]
  }()

  @Test(arguments: spectra.indices, [1, 4, 12])
  func `Errors come near the smallest possible ones`(spectrum: Int, rank: Int) throws {
    let values = Self.spectra[spectrum].values
    for (rows, columns) in [(60, 90), (90, 60)] {
      let exact = MatrixSample.make(rows, columns, singularValues: values)
      let matrix = Matrix<Float>(exact)
      let sketch = try Self.finder.sketch(matrix, rank: rank)
      let (left, right) = sketch.factors(rank: rank)
      var error = MatrixSample.naiveProduct(Matrix<Double>(left), Matrix<Double>(right))
      error.add(exact.elements, times: -1)
      let found = error.squaredNorm.squareRoot()
      let best = values.dropFirst(rank).reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(found <= best * 1.02)
      #expect(found >= best * 0.999_999)
      // The identity tells the same without looking.
      let told = (sketch.missingShare(rank: rank) * sketch.squaredNorm).squareRoot()
      #expect(abs(told - found) < 1e-3 * found)
      for (value, exact) in zip(sketch.singularValues, values) {
        #expect(value <= exact + 1e-6 * values[0])
      }
    }
  }

  @Test(arguments: [[1, 1], [1, 9], [9, 1], [5, 5], [20, 7], [7, 20], [31, 33]])
  func `All directions give the matrix`(shape: [Int]) throws {
    let matrix = Matrix<Float>(MatrixSample.make(shape, .random))
    let sketch = try Self.finder.sketch(matrix, rank: 100)
    #expect(sketch.singularValues.count == min(shape[0], shape[1]))
    let (left, right) = sketch.factors(rank: sketch.singularValues.count)
    #expect(left.times(right).widened.distance(to: matrix.widened) < 1e-5)
    // Both factors bear the same part of each singular value.
    for (place, value) in sketch.singularValues.enumerated() {
      let column = left.columns([place]).squaredNorm
      #expect(abs(column - right.rows(place..<place + 1).squaredNorm) < 1e-4 * value)
      #expect(abs(column - value) < 1e-4 * value)
    }
  }

  @Test func `A matrix of low rank shows its rank and is given back`() throws {
    let exact = MatrixSample.naiveProduct(
      MatrixSample.random(70, 3, seed: 1), MatrixSample.random(3, 110, seed: 2))
    let matrix = Matrix<Float>(exact)
    let sketch = try Self.finder.sketch(matrix, rank: 8)
    #expect(sketch.numericalRank == 3)
    #expect(sketch.rank(forEnergy: 0.999_999) == 3)
    let (left, right) = sketch.factors(rank: 3)
    #expect(left.times(right).widened.distance(to: exact) < 1e-5)
    #expect(sketch.missingShare(rank: 3) < 1e-6)
  }

  @Test(arguments: [[12, 40], [60, 70]])
  func `A zero matrix gives zero factors`(shape: [Int]) throws {
    let sketch = try Self.finder.sketch(Matrix<Float>(rows: shape[0], columns: shape[1]), rank: 2)
    #expect(sketch.squaredNorm == 0)
    #expect(sketch.missingShare(rank: 0) == 0)
    #expect(sketch.singularValues.allSatisfy { $0 == 0 })
    let rank = min(2, sketch.singularValues.count)
    let (left, right) = sketch.factors(rank: rank)
    #expect(left.squaredNorm == 0 && right.squaredNorm.isFinite)
  }

  @Test func `Energy asks for the smallest rank that keeps it`() throws {
    let matrix = Matrix<Float>(MatrixSample.make(40, 40, singularValues: [3, 2, 1, 1, 1]))
    let sketch = try Self.finder.sketch(matrix, rank: 8)
    // Of 16 the first five singular values keep 9, 13, 14, 15 and all.
    for (energy, rank) in [(0.0, 1), (0.5, 1), (0.6, 2), (0.8, 2), (0.85, 3), (0.9, 4), (0.95, 5)] {
      #expect(sketch.rank(forEnergy: energy) == rank)
    }
    let flat = Matrix<Float>(
      MatrixSample.make(70, 70, singularValues: Array(repeating: 1, count: 70)))
    #expect(try Self.finder.sketch(flat, rank: 1).rank(forEnergy: 0.9) == nil)
  }

  @Test(arguments: [1, 2, 3, 8])
  func `Neither threads nor blocks change a bit`(threads: Int) throws {
    let matrix = Matrix<Float>(MatrixSample.random(300, 50, seed: 5))
    let expected = try Self.finder.sketch(matrix, rank: 4)
    var finder = Self.finder
    finder.threads = threads
    for blockRows in [64, 128, 256] {
      let sketch = try finder.sketch(BlockedRows(matrix: matrix, blockRows: blockRows), rank: 4)
      #expect(sketch.image == expected.image)
      #expect(sketch.basis == expected.basis)
      #expect(sketch.squaredNorm == expected.squaredNorm)
      #expect(sketch.singularValues == expected.singularValues)
      #expect(sketch.factors(rank: 4) == expected.factors(rank: 4))
    }
  }

  @Test func `The seed decides the signs`() throws {
    let matrix = Matrix<Float>(MatrixSample.random(60, 70))
    let first = try Self.finder.sketch(matrix, rank: 2)
    let other = RangeFinder(random: CounterRandom(seed: 8, stream: 3))
    #expect(try first.basis == Self.finder.sketch(matrix, rank: 2).basis)
    #expect(try first.basis != other.sketch(matrix, rank: 2).basis)
  }

  @Test(arguments: [Float.nan, .infinity, .greatestFiniteMagnitude])
  func `Numbers that cannot be summed end the search`(value: Float) {
    for shape in [[90, 80], [20, 9]] {
      let count = shape[0] * shape[1]
      let matrix = Matrix<Float>(
        rows: shape[0], columns: shape[1],
        elements: (0..<count).map { $0 % 7 == 0 || value.isFinite ? value : 1 })
      guard value.isNaN || value.isInfinite || shape[0] > 50 else { continue }
      #expect(throws: RangeFinder.NonFinite.self) { try Self.finder.sketch(matrix, rank: 2) }
    }
  }

  @Test func `A source that fails ends the search`() {
    #expect(throws: BlockedRows.Failure.self) {
      try Self.finder.sketch(BlockedRows(matrix: nil, blockRows: 64), rank: 2)
    }
  }
}

/// A matrix in blocks of rows; without a matrix a source that fails.
private struct BlockedRows: RowStream {
  struct Failure: Error {}

  let matrix: Matrix<Float>?
  let blockRows: Int
  var rows: Int { matrix?.rows ?? 100 }
  var columns: Int { matrix?.columns ?? 100 }

  func forEachBlock(threads: Int, _ body: (Int, Matrix<Float>) -> Void) throws {
    guard let matrix else { throw Failure() }
    for start in stride(from: 0, to: rows, by: blockRows) {
      body(start, matrix.rows(start..<min(start + blockRows, rows)))
    }
  }
}

extension Matrix<Float> {
  fileprivate var widened: Matrix<Double> { Matrix<Double>(self) }
}
