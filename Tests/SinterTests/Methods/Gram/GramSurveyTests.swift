import Foundation
import SinterTensors
import Testing

@testable import Sinter

@Suite struct GramSurveyTests {
  @Test func `products are found by both indices`() {
    let gram = Gram(products: [1, 2, 3, 4, 5, 6], count: 3, areEqual: false)
    let matrix = (0..<3).map { i in (0..<3).map { j in gram[i, j] } }
    #expect(matrix == [[1, 2, 3], [2, 4, 5], [3, 5, 6]])
    #expect(gram.lengths == [1, 2, 6.0.squareRoot()])
  }

  @Test func `lengths of sums follow from products`() {
    // (3, 4) and (0, 2).
    let gram = Gram(products: [25, 8, 4], count: 2, areEqual: false)
    #expect(gram.length(of: [1, 0]) == 5)
    #expect(gram.length(of: [1, -2]) == 3)
    #expect(gram.cosine(0, 1) == 0.8)
    #expect(!gram.cancels([1, -2]))
  }

  @Test func `sums that cancel are told`() {
    let gram = Gram(products: [1, -1 + 1e-4, 1], count: 2, areEqual: false)
    #expect(gram.cancels([1, 1]))
    #expect(!gram.cancels([1, -1]))
    #expect(!gram.cancels([0, 0]))
  }

  @Test(arguments: [1e-200, 1e-80, 1e-3, 1, 7.3, 1e80, 1e150])
  func `a vector has the cosine 1 with itself`(length: Double) {
    let square = length * length
    #expect(Gram.cosine(dot: square, squares: (square, square)) == (square == 0 ? 0 : 1))
  }

  @Test func `a second pass is made when it is asked for`() {
    var survey = GramSurvey(count: 2) { gram, measured in
      measured.map { .combine([$0, 0]) } ?? .measure([gram[0, 1], 0])
    }
    let merging = GramMerge(models: 1..<3, hasOrigin: true)
    var tile = Tile<Double>(rows: 3, capacity: 1)
    for pass in 1...2 {
      #expect(!survey.isComplete)
      var partial = survey.makePartial()
      for row in 0..<3 {
        var elements = tile.mutableRow(row)
        elements[0] = [1, 3, 5][row]
      }
      merging.survey(&tile, survey, into: &partial)
      survey.add(partial)
      survey.finishPass()
      #expect(survey.solution == (pass == 1 ? .measure([8, 0]) : .combine([16, 0])))
    }
    #expect(survey.isComplete)
  }

  static let methods: [(String, [Double]?, [String: String])] = [
    ("nuslerp", [1, 1], [:]), ("nuslerp", [1, 1], ["nuslerp_flatten": "false"]),
    ("multislerp", [1, 1], [:]), ("karcher", nil, [:]), ("model_stock", nil, [:]),
    ("model_stock", nil, ["filter_wise": "true"]),
  ]

  @Test(arguments: methods.indices)
  func `a value that is no number is reported with its tensor`(index: Int) async throws {
    let (method, weights, parameters) = Self.methods[index]
    let tensors = (0..<3).map { TestTensor("layer.weight", .float32, [3, 4], seed: UInt64($0)) }
    var values = tensors[2].values
    values[5] = .nan
    let broken = TestTensor("layer.weight", .float32, [3, 4], values)
    let cases = GramCases(groups: [[tensors[0], tensors[1], broken]])
    let error = await #expect(throws: (any Error).self) {
      try await cases.run(
        method, base: method == "model_stock", weights: weights, parameters: parameters)
    }
    #expect("\(try #require(error))".contains("'layer.weight'"))
  }
}
