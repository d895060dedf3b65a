import SinterTensors
import Testing

@testable import Sinter

/// Holds a method against a plain implementation over whole tensors, of many shapes and contents.
struct NaiveComparison {
  /// The inputs of one tensor.
  struct Inputs {
    let shape: [Int]
    let base: [Double]
    let models: [[Double]]
  }

  /// What a plain implementation finds: the result, and for elements that lie on a threshold, as
  /// far as rounding can tell, what they are on its other side.
  struct Expectation {
    let values: [Double]
    var otherSides: [Int: Double] = [:]
  }

  /// What a tensor is filled with.
  enum Contents: String, CaseIterable {
    case random, sparse, coarse, frozen, moved, zero, equal, cancelling
  }

  /// The dtypes of the base and of the models, which take turns.
  struct Precision: CustomTestStringConvertible {
    let base: DType
    let models: [DType]

    static let all = [
      Precision(base: .float32, models: [.float32]),
      Precision(base: .bfloat16, models: [.bfloat16]),
      Precision(base: .float16, models: [.float16]), Precision(base: .float64, models: [.float64]),
      Precision(base: .bfloat16, models: [.float16, .float32]),
    ]

    var testDescription: String { "\(base) and \(models)" }
  }

  /// Every precision and every number of models, not all of them together.
  static let trials: [(Precision, Int)] = [
    (Precision.all[0], 1), (Precision.all[0], 3), (Precision.all[1], 2), (Precision.all[1], 6),
    (Precision.all[2], 3), (Precision.all[3], 4), (Precision.all[4], 2), (Precision.all[4], 5),
  ]

  static let smallShapes = [[], [0], [1], [3, 0], [7], [5, 1], [1, 9], [2, 3, 4], [13, 37]]

  let method: String
  /// The parameters at the top of the recipe, in YAML.
  let parameters: String
  let models: Int
  let precision: Precision
  let seed: UInt64
  var shapes = smallShapes
  var contents = Contents.allCases

  /// Runs the merge and compares all tensors.
  func expect(_ naive: (Inputs) -> Expectation) async throws {
    let merge = try TestMerge()
    var tensors = [[TestTensor]](repeating: [], count: models + 1)
    for (number, shape) in shapes.enumerated() {
      for contents in contents {
        let inputs = fill("t\(number).\(contents)", shape, contents)
        for (model, tensor) in inputs.enumerated() { tensors[model].append(tensor) }
      }
    }
    for (model, list) in tensors.enumerated() { try merge.model("m\(model)", list) }
    let results = try await merge.run(
      """
      merge_method: \(method)
      base_model: ./m0
      models: [\((1...models).map { "{model: ./m\($0)}" }.joined(separator: ", "))]
      parameters: {\(parameters)}
      """)
    #expect(results.count == tensors[0].count)
    for (index, base) in tensors[0].enumerated() {
      let result = try #require(results.first { $0.name == base.name })
      let expectation = naive(
        Inputs(
          shape: base.shape, base: base.values,
          models: tensors.dropFirst().map { $0[index].values }))
      compare(result, expectation)
      // Inputs that are all the same come back to the last bit.
      let values = result.values
      if tensors.allSatisfy({ $0[index].values == base.values }), values != base.values {
        Issue.record("\(base.name) \(base.shape): equal inputs do not come back")
      }
    }
  }

  private func compare(_ result: TestTensor, _ expected: Expectation) {
    let types = (0..<models).map { precision.models[$0 % precision.models.count] }
    let dtype = types.reduce(precision.base) { DType.promoted($0, $1) }
    #expect(result.dtype == dtype)
    #expect(result.values.count == expected.values.count)
    let largest = expected.values.map(\.magnitude).max() ?? 0
    for (i, (value, exact)) in zip(result.values, expected.values).enumerated() {
      let agrees = [exact, expected.otherSides[i] ?? exact].contains { exact in
        if value == TestTensor.stored(exact, dtype) { return true }
        // The order of operations moves the last bits of a Double.
        let slack = 8 * largest.ulp
        let sides = [exact - slack, exact + slack].map { TestTensor.stored($0, dtype) }
        return sides[0] <= value && value <= sides[1]
      }
      if !agrees {
        Issue.record("\(result.name) \(result.shape) element \(i): \(value), not \(exact)")
        return
      }
    }
  }

  /// The base and the models' tensors.
  private func fill(_ name: String, _ shape: [Int], _ contents: Contents) -> [TestTensor] {
    let base = TestTensor(
      name, precision.base, shape,
      plain(name, shape, contents).map { TestTensor.stored($0, precision.base) })
    var random = TestRandom(seed: seed &+ 1, name)
    return [base]
      + (0..<models).map { model in
        let dtype = precision.models[model % precision.models.count]
        let values = base.values.map { value -> Double in
          switch contents {
          case .random: value + 0.01 * random.normal()
          case .sparse: value + (random.uniform() < 0.5 ? 0 : 0.01 * random.normal())
          case .coarse: value + 0.0625 * (random.uniform() * 5 - 2.5).rounded()
          case .moved: value + 0.125
          case .cancelling: value + (model % 2 == 0 ? 0.125 : -0.125)
          case .frozen, .zero, .equal: value
          }
        }
        return TestTensor(name, dtype, shape, values.map { TestTensor.stored($0, dtype) })
      }
  }

  private func plain(_ name: String, _ shape: [Int], _ contents: Contents) -> [Double] {
    var random = TestRandom(seed: seed, name)
    return (0..<Shape(shape).elementCount).map { _ in
      switch contents {
      case .zero: 0
      case .equal: 0.75
      case .coarse, .moved, .cancelling: 0.25 * (random.uniform() * 4 - 2).rounded()
      case .random, .sparse, .frozen: 0.02 * random.normal()
      }
    }
  }

  /// Expects that NaN in a model is an error by default, and is merged where it is allowed.
  ///
  /// - Returns: the result where it is allowed, NaN in element 1 of the first of two models.
  static func notANumber(method: String, parameters: String) async throws -> [Double] {
    let merge = try TestMerge()
    let models = MethodRegistry.builtIn.declarations.first { $0.name == method }?.models
    let count = min(2, models?.upperBound ?? 2)
    let values: [[Double]] = [[1, 2, 3, 4], [1, .nan, 4, 4], [2, 2, 5, 4]]
    for model in 0...count {
      try merge.model("m\(model)", [TestTensor("w", .bfloat16, [4], values[model])])
    }
    let recipe = """
      merge_method: \(method)
      base_model: ./m0
      models: [\((1...count).map { "{model: ./m\($0)}" }.joined(separator: ", "))]
      parameters: {\(parameters)}
      """
    let error = await #expect(throws: DiagnosticError.self) { try await merge.run(recipe) }
    #expect(error?.description.contains("'w'") == true)
    let execution = ExecutionOptions(threads: 1, overwrites: true, allowsNonFinite: true)
    return try await merge.run(recipe, execution: execution)[0].values
  }

  /// The plain sum, in the order of elements.
  static func sum(_ values: [Double]) -> Double { values.reduce(0, +) }
}
