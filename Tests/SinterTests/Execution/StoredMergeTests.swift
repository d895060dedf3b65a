import SinterTensors
import Testing

@testable import Sinter

/// Merges of BF16, which work on rows as they are stored where a method can, beside merges of the same
/// numbers in F32, which are widened.
@Suite struct StoredMergeTests {
  private static let methods: [(body: String, parameters: String)] = [
    ("merge_method: linear", "{weight: 0.3}"),
    ("merge_method: linear", "{weight: 1}"),
    ("merge_method: linear\nparameters: {normalize: false}", "{weight: 0.4}"),
    ("merge_method: karcher", ""),
    ("merge_method: multislerp\nbase_model: base", "{weight: 0.7}"),
    ("merge_method: multislerp", "{weight: 0.7}"),
    ("merge_method: model_stock\nbase_model: base", ""),
    ("merge_method: model_stock\nbase_model: base\nparameters: {filter_wise: true}", ""),
    ("merge_method: task_arithmetic\nbase_model: base", "{weight: 0.8}"),
    (
      "merge_method: task_arithmetic\nbase_model: base\nparameters: {normalize: true}",
      "{weight: 1}"
    ),
    ("merge_method: ties\nbase_model: base", "{weight: 0.4, density: 0.5}"),
    (
      "merge_method: ties\nbase_model: base\nparameters: {semantics: paper}",
      "{weight: 1, density: 0.2}"
    ),
    ("merge_method: ties\nbase_model: base", "{weight: 1, density: 0}"),
    ("merge_method: dare_ties\nbase_model: base", "{weight: 0.4, density: 0.5}"),
    ("merge_method: dare_linear\nbase_model: base", "{weight: 0.4, density: 0.7}"),
    (
      "merge_method: dare_linear\nbase_model: base\nparameters: {rescale: false}",
      "{weight: 0.5, density: 0.3}"
    ),
    ("merge_method: breadcrumbs\nbase_model: base", "{weight: 0.4, density: 0.7, gamma: 0.02}"),
    (
      "merge_method: breadcrumbs_ties\nbase_model: base", "{weight: 0.4, density: 0.7, gamma: 0.02}"
    ),
    ("merge_method: della\nbase_model: base", "{weight: 0.4, density: 0.5, epsilon: 0.15}"),
    ("merge_method: della_linear\nbase_model: base", "{weight: 0.4, density: 0.5, epsilon: 0.15}"),
    ("merge_method: sce\nbase_model: base\nparameters: {select_topk: 0.3}", ""),
  ]

  private static let pairMethods = [
    "merge_method: slerp\nbase_model: m0\nparameters: {t: 0.5}",
    "merge_method: slerp\nbase_model: m0\nparameters: {t: 0.3}",
    "merge_method: nuslerp", "merge_method: nuslerp\nbase_model: base",
    "merge_method: nuslerp\nbase_model: base\nparameters: {nuslerp_flatten: false}",
    "merge_method: nuslerp\nparameters: {nuslerp_flatten: false}",
    "merge_method: nuslerp\nparameters: {nuslerp_flatten: false, nuslerp_row_wise: true}",
  ]

  /// Tensors of several runs and of few elements, two of them frozen.
  private static func tensors(_ model: Int, _ dtype: DType) -> [TestTensor] {
    let shapes: [(name: String, shape: [Int])] = [
      ("a.wide", [331, 251]), ("b.norm", [300]), ("c.short", [7]), ("d.frozen", [64, 20]),
      ("e.cube", [3, 40, 16]), ("f.zero", [200]),
    ]
    return shapes.map { name, shape in
      let base = TestTensor(
        name, .bfloat16, shape, seed: 1, scale: name == "f.zero" ? 0 : 0.02)
      let isFrozen = model < 0 || name == "d.frozen" || name == "f.zero"
      let own = TestTensor(
        name, .bfloat16, shape, seed: UInt64(model + 2), scale: isFrozen ? 0 : 0.002,
        around: base)
      return TestTensor(name, dtype, shape, own.values)
    }
  }

  private static func recipe(_ body: String, _ models: [String], _ parameters: String) -> String {
    let list = models.map {
      "  - model: \($0)" + (parameters.isEmpty ? "" : "\n    parameters: \(parameters)")
    }
    return body + "\nmodels:\n" + list.joined(separator: "\n") + "\ndtype: bfloat16\n"
  }

  private static func merge(_ dtype: DType) throws -> TestMerge {
    let merge = try TestMerge()
    try merge.model("base", tensors(-1, dtype))
    for model in 0..<3 { try merge.model("m\(model)", tensors(model, dtype)) }
    return merge
  }

  @Test func `rows as they are stored give every bit of widened ones`() async throws {
    let (stored, widened) = (try Self.merge(.bfloat16), try Self.merge(.float32))
    let options = PlanOptions(seed: 5)
    var recipes: [String] = []
    for (body, parameters) in Self.methods {
      for count in recipes.isEmpty ? [2, 3] : [3] {
        recipes.append(Self.recipe(body, (0..<count).map { "m\($0)" }, parameters))
      }
    }
    for body in Self.pairMethods {
      let isSLERP = body.contains("base_model: m0")
      recipes.append(
        Self.recipe(body, isSLERP ? ["m1"] : ["m0", "m1"], isSLERP ? "" : "{weight: 0.5}"))
    }
    for recipe in recipes {
      let found = try await stored.run(recipe, options: options)
      let expected = try await widened.run(recipe, options: options)
      for (one, other) in zip(found, expected) {
        #expect(one == other, "\(one.name): \(recipe)")
      }
      #expect(found.count == 6)
    }
  }

  @Test(arguments: methods.map(\.body))
  func `numbers that are not finite are counted as ever`(body: String) async throws {
    let parameters = Self.methods.first { $0.body == body }?.parameters ?? ""
    let merge = try Self.merge(.bfloat16)
    var tensors = Self.tensors(1, .bfloat16)
    var values = tensors[0].values
    (values[5], values[70_000], values[83_080]) = (.nan, .infinity, -.infinity)
    tensors[0] = TestTensor("a.wide", .bfloat16, tensors[0].shape, values)
    try merge.model("m1", tensors)
    do {
      try await merge.run(Self.recipe(body, ["m0", "m1"], parameters))
      Issue.record("nothing was said")
    } catch let error as DiagnosticError {
      #expect(
        error.diagnostics.map(\.message) == [
          "tensor 'a.wide': 3 of 83081 values are NaN or infinite"
        ])
    }
  }

  @Test func `sums that leave the range of numbers are counted`() async throws {
    let merge = try TestMerge()
    let large = [Double](repeating: 3e38, count: 500).map { TestTensor.stored($0, .bfloat16) }
    for name in ["a", "b"] { try merge.model(name, [TestTensor("w", .bfloat16, [500], large)]) }
    do {
      try await merge.run(
        Self.recipe(
          "merge_method: linear\nparameters: {normalize: false}", ["a", "b"], "{weight: 1}"))
      Issue.record("nothing was said")
    } catch let error as DiagnosticError {
      #expect(
        error.diagnostics.map(\.message) == [
          "tensor 'w': 500 of 500 results do not fit in BF16 and would become infinite or NaN"
        ])
    }
  }
}

/// Writes 1 where it was given rows as they are stored, else 2; of the first run of tiles only.
private struct StoredOrNot: MergeMethod {
  init(_ group: MergeGroup) {}

  func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: NoSurvey, into output: inout MutableSpan<Double>
  ) {
    for i in 0..<output.count { output[i] = 2 }
  }

  func merge(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: NoSurvey,
    into output: inout MutableSpan<UInt16>, from start: Int
  ) -> Bool {
    precondition(position.elements.count == rows.length)
    for i in 0..<rows.length { output[start + i] = 0x3f80 }
    return position.tile == 0
  }

  static let declaration = sampleDeclaration("stored_or_not")
}

extension StoredMergeTests {
  @Test func `rows are offered as they are stored where inputs and result are BF16`() async throws {
    let registry = MethodRegistry([StoredOrNot.self])
    for input in [DType.bfloat16, .float16, .float32] {
      for output in ["bfloat16", "float32"] {
        let merge = try TestMerge()
        try merge.model("m", [TestTensor("w", input, [70_000], seed: 1)])
        let results = try await merge.run(
          "merge_method: stored_or_not\nmodels: [{model: m}]\ndtype: \(output)",
          registry: registry)
        let isOffered = input == .bfloat16 && output == "bfloat16"
        // The second run of tiles is refused, and merged from numbers.
        #expect(results[0].values[..<65_536].allSatisfy { $0 == (isOffered ? 1 : 2) })
        #expect(results[0].values[65_536...].allSatisfy { $0 == 2 })
      }
    }
  }
}
