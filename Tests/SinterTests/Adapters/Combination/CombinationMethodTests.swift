import Foundation
import SinterTensors
import Testing

@testable import Sinter

/// The methods that work on updates, beside the same in Double, element by element.
@Suite struct CombinationMethodTests {
  private let run: CombinationRun
  private let updates: [[String: Matrix<Double>]]

  /// Three modules of several tiles, of one and of a single column; of the last one adapter has
  /// none.
  init() throws {
    run = try CombinationRun()
    let shapes = [("layers.0.q", 90, 70), ("layers.1.q", 1, 9), ("layers.2.q", 6, 1)]
    try run.write(TestAdapter(shapes, rank: 2, seed: 4), "a")
    try run.write(TestAdapter(shapes, rank: 3, alpha: 2, seed: 5), "b")
    try run.write(TestAdapter(Array(shapes.prefix(2)), rank: 1, seed: 6), "c")
    let run = run
    updates = try ["a", "b", "c"].map { try run.updates($0) }
  }

  private static let weights = [0.5, 1.25, -0.75]
  private static let densities = [0.3, 0.6, 0.9]

  /// The elements of each adapter's update; zeros where it has none.
  private func inputs(_ name: String) throws -> [[Double]] {
    let known = try #require(updates.compactMap { $0[name] }.first)
    return updates.map {
      $0[name]?.elements ?? [Double](repeating: 0, count: known.elements.count)
    }
  }

  /// Holds a method against the naive merge of each module.
  private func check(
    _ method: String, _ parameters: String, density: Bool = true,
    _ expected: (_ name: String, _ inputs: [[Double]]) -> [Double]
  ) async throws {
    let models = zip(["a", "b", "c"], zip(Self.weights, Self.densities)).map { name, numbers in
      (name, "weight: \(numbers.0)" + (density ? ", density: \(numbers.1)" : ""))
    }
    // A rank that leaves nothing out.
    let summary = try await run.combine(
      run.recipe(method, models, parameters), CombinationOptions(rank: 70, seed: 11))
    #expect(summary.relativeError < 1e-6)
    let written = try run.updates("out")
    for (name, update) in written {
      let naive = Matrix(
        rows: update.rows, columns: update.columns, elements: expected(name, try inputs(name)))
      #expect(
        update.distance(to: naive) <= 2e-6 * max(naive.largestMagnitude, 1e-30),
        "\(method), \(name)")
      let module = try #require(summary.modules.first { $0.name == name })
      #expect(abs(module.norm - naive.squaredNorm.squareRoot()) <= 1e-6 * module.norm)
    }
    #expect(written.count == 3)
  }

  private func merge(
    _ deltas: [[Double]], vote: Bool, normalize: Bool, lambda: Double = 1
  ) -> [Double] {
    MethodReference.merge(
      [Double](repeating: 0, count: deltas[0].count), deltas,
      .init(weights: Self.weights, vote: vote, normalize: normalize, lambda: lambda))
  }

  private func trimmed(_ inputs: [[Double]]) -> [[Double]] {
    zip(inputs, Self.densities).map { MethodReference.trimmed($0, density: $1) }
  }

  private func dropped(_ name: String, _ inputs: [[Double]]) -> [[Double]] {
    inputs.enumerated().map { model, delta in
      MethodReference.rescaled(
        MethodReference.dropped(
          delta, density: Self.densities[model], seed: 11, model: model, name: name + ".weight"),
        from: delta)
    }
  }

  @Test func `ties`() async throws {
    try await check("ties", "normalize: true") { _, inputs in
      merge(trimmed(inputs), vote: true, normalize: true)
    }
    try await check("ties", "normalize: false, lambda: 0.6") { _, inputs in
      merge(trimmed(inputs), vote: true, normalize: false, lambda: 0.6)
    }
  }

  @Test func `magnitude pruning`() async throws {
    try await check("magnitude_prune", "") { _, inputs in
      merge(trimmed(inputs), vote: false, normalize: false)
    }
  }

  @Test func `dare draws what a merge of models draws`() async throws {
    try await check("dare_linear", "") { name, inputs in
      merge(dropped(name, inputs), vote: false, normalize: false)
    }
    try await check("dare_ties", "") { name, inputs in
      merge(dropped(name, inputs), vote: true, normalize: false)
    }
  }

  @Test func `breadcrumbs`() async throws {
    try await check("breadcrumbs", "gamma: 0.05") { _, inputs in
      merge(
        zip(inputs, Self.densities).map {
          MethodReference.withoutOutliers($0, density: $1, gamma: 0.05)
        }, vote: false, normalize: false)
    }
  }

  @Test func `della`() async throws {
    try await check("della_linear", "epsilon: 0.05, normalize: false") { name, inputs in
      let shape = updates.compactMap { $0[name] }.first.map { [$0.rows, $0.columns] } ?? []
      let kept = inputs.enumerated().map { model, delta in
        let random = CounterRandom(
          seed: 11, stream: CounterRandom.stream(model: model, tensor: name + ".weight"))
        return MethodReference.rescaled(
          MethodReference.ranked(
            delta, shape, density: Self.densities[model], epsilon: 0.05, random: random
          ).kept, from: delta)
      }
      return merge(kept, vote: false, normalize: false)
    }
  }

  /// U, the singular values and the parts of V of updates side by side, by the dense matrix.
  private func knots(_ name: String) throws -> Matrix<Double> {
    let parts = updates.compactMap { $0[name] }
    let dense = SingularValues(Matrix(sideBySide: parts))
    let count = dense.values.count { $0 > 1e-10 * dense.values[0] }
    var merged: [[Double]] = []
    var start = 0
    for update in updates {
      guard let part = update[name] else {
        merged.append([Double](repeating: 0, count: count * parts[0].columns))
        continue
      }
      merged.append(
        dense.right.rows(0..<count).columns(Array(start..<start + part.columns)).elements)
      start += part.columns
    }
    var left = dense.left.prefix(columns: count)
    left.scaleColumns(by: Array(dense.values.prefix(count)))
    let elements = merge(trimmed(merged), vote: true, normalize: true)
    return MatrixSample.naiveProduct(
      left, Matrix(rows: count, columns: parts[0].columns, elements: elements))
  }

  @Test func `knots merges what updates are in a basis that they share`() async throws {
    let models = zip(["a", "b", "c"], zip(Self.weights, Self.densities)).map { name, numbers in
      (name, "weight: \(numbers.0), density: \(numbers.1)")
    }
    let summary = try await run.combine(run.recipe("knots", models))
    #expect(summary.modules.map(\.rank) == [6, 1, 2])
    #expect(summary.relativeError < 1e-6)
    let written = try run.updates("out")
    for name in ["layers.0.q", "layers.1.q", "layers.2.q"] {
      let naive = try knots(name)
      #expect(written[name]?.distance(to: naive) ?? 1 <= 1e-5 * naive.largestMagnitude, "\(name)")
    }
  }

  @Test func `knots of one adapter is that adapter`() async throws {
    try await run.combine(run.recipe("knots", [("b", "")]))
    #expect(relativeDistance(try run.updates("out"), try run.updates("b")) < 1e-5)
  }

  @Test(arguments: ["ties", "dare_linear", "dare_ties", "magnitude_prune", "della_linear"])
  func `one adapter with all of its elements is that adapter`(method: String) async throws {
    try await run.combine(
      run.recipe(method, [("b", "weight: 1, density: 1")]), CombinationOptions(rank: 70))
    #expect(relativeDistance(try run.updates("out"), try run.updates("b")) < 1e-5)
  }

  @Test func `a rank leaves what the best of that rank leaves`() async throws {
    let recipe = run.recipe("ties", [("a", "density: 0.4"), ("b", "density: 0.4")])
    try await run.combine(recipe, CombinationOptions(rank: 70), into: "whole")
    let whole = try run.updates("whole")
    for rank in [1, 4, 16] {
      let summary = try await run.combine(recipe, CombinationOptions(rank: rank))
      for module in summary.modules {
        let values = SingularValues(try #require(whole[module.name])).values
        let tail = values.dropFirst(rank).reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(module.residual >= tail * 0.9999 - 1e-6 && module.residual <= tail * 1.03 + 1e-6)
      }
    }
    let standard = try await run.combine(recipe)
    #expect(standard.modules.map(\.rank) == [5, 1, 1])
    let energy = try await run.combine(recipe, CombinationOptions(energy: 0.95))
    for module in energy.modules {
      #expect(module.relativeError * module.relativeError <= 0.0501)
    }
  }

  @Test func `every method names its parameters and its example can be read`() throws {
    let declarations = CombinationMethod.declarations
    #expect(Set(declarations.map(\.name)).count == declarations.count)
    for declaration in declarations {
      #expect(declaration.base == .ignored)
      #expect(declaration.parameters.contains { $0.name == "weight" && $0.default != .required })
      _ = try MergeRecipe.read(
        text: declaration.example, file: "example.yml", methods: declarations)
    }
  }
}
