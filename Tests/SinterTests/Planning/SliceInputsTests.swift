import SinterTensors
import Testing

@testable import Sinter

/// What is looked up once for all tensors of a slice is what each tensor would have found.
@Suite struct SliceInputsTests {
  private static let names = [
    "embed.weight", "model.layers.0.mlp.weight", "model.layers.0.attn.weight",
    "model.layers.1.mlp.weight", "model.layers.1.attn.weight", "norm.weight",
  ]

  private func merge(orders: [[Int]]) throws -> TestMerge {
    let merge = try TestMerge()
    for (place, order) in orders.enumerated() {
      let tensors = order.map { TestTensor(Self.names[$0], .float32, [3], seed: UInt64($0)) }
      try merge.model(["a", "b", "base"][place], tensors)
    }
    return merge
  }

  private func groups(_ plan: MergePlan) -> [MergeGroup] {
    plan.tensors.compactMap { tensor in
      if case .merge(_, let group) = tensor.operation { group } else { nil }
    }
  }

  @Test(arguments: [
    ("0.25", true), ("[0.25]", false), ("[0, 1]", false), ("{filter: '*', value: 0.25}", true),
    ("[{filter: mlp, value: 0.25}, {value: 0.5}]", false),
    ("[{value: 0.5}, {filter: mlp, value: 0.25}]", true),
  ])
  func `every tensor has the parameters that the recipe gives it`(
    weight: String, isUniform: Bool
  ) throws {
    let merge = try merge(orders: [[0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]])
    let plan = try merge.plan(
      """
      merge_method: linear
      models:
        - {model: a, parameters: {weight: \(weight)}}
        - {model: b, parameters: {weight: 0.75}}
      parameters: {normalize: false}
      """)
    let slice = try #require(plan.recipe.outputSlices(base: plan.method.base).first)
    let places = Dictionary(
      uniqueKeysWithValues: plan.inputs.map(\.reference).enumerated().map {
        ($1, $0)
      })
    #expect(SliceInputs(slice, plan.inputs, places: places).isUniform == isUniform)
    let groups = groups(plan)
    #expect(groups.map(\.tensor) == Self.names)
    let parameter = try #require(plan.method.parameters.first { $0.name == "weight" })
    for group in groups {
      let fraction = group.tensor.contains("layers.1") ? 1.0 : 0
      let wanted = try slice.inputs.map {
        try $0.parameters.value(of: parameter, for: group.tensor, at: fraction)
      }
      #expect(group.parameters.inputs.map { $0["weight"] } == wanted)
      #expect(group.parameters.tensor["normalize"] == .boolean(false))
    }
  }

  @Test(arguments: [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [3, 0, 5, 1, 4, 2]])
  func `tensors are found in any order, and the base comes first`(order: [Int]) throws {
    let merge = try merge(orders: [order, [0, 1, 2, 3, 4, 5], [2, 3, 4, 5, 0, 1]])
    let plan = try merge.plan(
      """
      merge_method: task_arithmetic
      base_model: base
      models:
        - {model: a, parameters: {weight: 1}}
        - {model: b, parameters: {weight: 2}}
      """)
    #expect(groups(plan).map(\.inputs) == plan.tensors.map { _ in ["base", "a", "b"] })
    for tensor in plan.tensors {
      #expect(tensor.sources.map(\.tensor.name) == [tensor.name, tensor.name, tensor.name])
      #expect(tensor.sources.map { plan.inputs[$0.input].name } == ["base", "a", "b"])
    }
    // Each input's ledger is in the order of its own file.
    for (input, entries) in zip(plan.inputs, plan.ledger.inputs) {
      #expect(entries.map(\.tensor) == input.checkpoint.tensors.map(\.name))
      #expect(entries.allSatisfy { $0.fate == .merged(into: [$0.tensor]) })
    }
  }

  @Test func `a wrong guess does not matter`() throws {
    let merge = try merge(orders: [[0, 1, 2, 3, 4, 5]])
    let checkpoint = try CheckpointReader.open(merge.folder.appending("a"))
    for (place, name) in checkpoint.tensors.map(\.name).enumerated() {
      for guess in -2...7 { #expect(checkpoint.place(of: name, guess: guess) == place) }
    }
    #expect(checkpoint.place(of: "other", guess: 0) == nil)
  }
}
