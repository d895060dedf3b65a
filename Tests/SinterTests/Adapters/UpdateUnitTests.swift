import Safetensors
import SinterTensors
import Testing

@testable import Sinter

/// Tensors that are worked on in blocks, beside what tiles give of them.
@Suite struct UpdateUnitTests {
  private let merge: TestMerge

  init() throws {
    merge = try TestMerge()
  }

  private func recipe(_ model: String) -> String {
    "merge_method: passthrough\nmodels:\n  - model: \(model)\n"
  }

  /// Applies adapters to the model of one tensor.
  private func run(
    _ base: TestTensor, _ model: String = "base+a", dtype: DType? = nil, threads: Int = 2
  ) async throws -> TestTensor? {
    try merge.model("base", [base])
    let plan = try merge.plan(recipe(model), options: PlanOptions(dtype: dtype))
    #expect(plan.tensors[0].updateGrid != nil)
    return try await merge.run(
      recipe(model), options: PlanOptions(dtype: dtype),
      execution: ExecutionOptions(threads: threads, overwrites: true)
    ).first
  }

  /// What tiles give, rounded to a type.
  private func tiled(_ dtype: DType, _ model: String = "base+a") throws -> [Double] {
    let plan = try merge.plan(recipe(model))
    let planned = plan.tensors[0].sources[0]
    let file = plan.inputs[planned.input].checkpoint.files[planned.tensor.file].input
    let source = UpdatedTensor(
      StoredTensor(file: file, tensor: planned.tensor), try #require(planned.tensor.update))
    try source.load()
    let count = source.shape.elementCount
    var bytes = ByteBuffer(byteCount: source.byteCount(of: count))
    try source.read(0..<count, into: &bytes, at: 0)
    var values: [Double] = []
    for start in stride(from: 0, to: count, by: 1000) {
      let tile = start..<min(start + 1000, count)
      var row = [Double](repeating: .nan, count: tile.count)
      var span = row.mutableSpan
      source.fill(tile, from: bytes, at: 0, of: 0..<count, into: &span)
      values += row.map { TestTensor.stored($0, dtype) }
    }
    return values
  }

  @Test(arguments: [(64, 64), (3, 1500), (11, 5632), (5, 20_003), (4099, 1), (1, 4096), (130, 513)])
  func `blocks give the bits of tiles`(rows: Int, columns: Int) async throws {
    for (stored, factors, written) in [
      (DType.bfloat16, DType.float32, DType.bfloat16), (.float16, .bfloat16, .float32),
      (.float32, .float64, .float64),
    ] {
      let base = TestTensor("q.weight", stored, [rows, columns], seed: 1)
      try TestAdapter([("q", rows, columns)], rank: 3, dtype: factors).write(
        to: merge.folder.appending("a"))
      let result = try await run(base, dtype: written)
      #expect(result?.dtype == written)
      #expect(try result?.values == tiled(written))
    }
  }

  @Test func `several adapters, in their order`() async throws {
    let base = TestTensor("q.weight", .float32, [40, 600], seed: 1)
    for (name, rank) in [("a", 2), ("b", 5)] {
      try TestAdapter([("q", 40, 600)], rank: rank, seed: UInt64(rank)).write(
        to: merge.folder.appending(name))
    }
    let model = "{model: base, adapters: [{path: a, weight: 0.3}, {path: b, weight: -2}]}"
    #expect(try await run(base, model)?.values == tiled(.float32, model))
  }

  @Test func `packed experts have factors of their own`() async throws {
    // Seven rows each, so that blocks would lie across them.
    let (experts, outputs, inputs, rank) = (5, 7, 600, 2)
    let base = TestTensor("mlp.experts.down_proj", .float32, [experts, outputs, inputs], seed: 1)
    var adapter = TestAdapter([])
    adapter.settings["target_parameters"] = #"["mlp.experts.down_proj"]"#
    adapter.settings["peft_version"] = #""0.21.0""#
    let name = "base_model.model.mlp.experts.lora_"
    adapter.extra = [
      TestTensor(name + "A.weight", .float32, [rank * experts, inputs], seed: 1, scale: 1),
      TestTensor(name + "B.weight", .float32, [outputs, rank * experts], seed: 2, scale: 1),
    ]
    try adapter.write(to: merge.folder.appending("a"))
    let result = try await run(base)
    #expect(try result?.values == tiled(.float32))
    #expect(result?.values != base.values)
  }

  @Test func `threads change nothing, and the change is measured`() async throws {
    let base = TestTensor("q.weight", .bfloat16, [150, 2000], seed: 1)
    let adapter = TestAdapter([("q", 150, 2000)], rank: 3)
    try adapter.write(to: merge.folder.appending("a"))
    try merge.model("base", [base])
    let update = TestAdapter.product(adapter.modules[0])
    let squares = base.values.reduce(0) { $0 + $1 * $1 }
    let expected = (update.reduce(0) { $0 + $1 * $1 } / squares).squareRoot() * 4 / 3
    var outputs: [[TestTensor]] = []
    var changes: Set<Double> = []
    for threads in 1...3 {
      let summary = try await MergeExecutor(
        plan: merge.plan(recipe("base+a")),
        options: ExecutionOptions(threads: threads, overwrites: true)
      ).run(into: merge.folder.appending("out"))
      let change = try #require(summary.adapters.first?.relativeChange)
      #expect(abs(change - expected) < 1e-12 * expected)
      changes.insert(change)
      // Factors too, once.
      #expect(summary.bytesRead == 600_000 + 3 * 2150 * 4)
      #expect(try merge.plan(recipe("base+a")).bytesToRead == summary.bytesRead)
      outputs.append(try TestTensor.read(merge.folder.appending("out/model.safetensors")))
    }
    #expect(outputs.allSatisfy { $0 == outputs[0] })
    #expect(changes.count == 1)
  }

  @Test func `what is not finite is told of the model`() async throws {
    var values = TestTensor("q.weight", .float32, [9, 600], seed: 1).values
    for place in [0, 601, 5399] { values[place] = place == 601 ? .nan : .infinity }
    try TestAdapter([("q", 9, 600)]).write(to: merge.folder.appending("a"))
    let error = try await #require(throws: DiagnosticError.self) {
      try await run(TestTensor("q.weight", .float32, [9, 600], values))
    }
    #expect(error.diagnostics.count == 1)
    #expect(
      "\(error)".contains("tensor 'q.weight': 3 of 5400 values are NaN or infinite"), "\(error)")
  }

  @Test func `what leaves the range of the output is told of the results`() async throws {
    var values = TestTensor("q.weight", .float32, [9, 600], seed: 1).values
    values[7] = 1e6
    try TestAdapter([("q", 9, 600)]).write(to: merge.folder.appending("a"))
    let error = try await #require(throws: DiagnosticError.self) {
      try await run(TestTensor("q.weight", .float32, [9, 600], values), dtype: .float16)
    }
    #expect("\(error)".contains("1 of 5400 results do not fit in F16"), "\(error)")
  }
}
