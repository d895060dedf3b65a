import Foundation
import Safetensors
import SinterTensors
import Synchronization
import Testing

@testable import Sinter

/// What a run does when something goes wrong while it runs: it says what, and leaves nothing.
@Suite struct MergeExecutorFaultsTests {
  private static let linear = """
    merge_method: linear
    models: [{model: a, parameters: {weight: 1}}, {model: b, parameters: {weight: 1}}]
    """

  /// Runs a plan that fails.
  private func failure(
    _ merge: TestMerge, _ plan: MergePlan, _ options: ExecutionOptions = .init(threads: 2),
    output: String = "out"
  ) async -> DiagnosticError? {
    do {
      _ = try await MergeExecutor(plan: plan, options: options).run(
        into: merge.folder.appending(output))
      Issue.record("the run did not fail")
      return nil
    } catch let error as DiagnosticError {
      return error
    } catch {
      Issue.record("an error of another kind: \(error)")
      return nil
    }
  }

  private func models(_ tensors: [TestTensor], _ others: [TestTensor]) throws -> TestMerge {
    let merge = try TestMerge()
    try merge.model("a", tensors)
    try merge.model("b", others)
    return merge
  }

  private func expectNothing(_ merge: TestMerge) throws {
    #expect(try merge.folder.names().filter { $0.hasPrefix("out") } == [])
  }

  /// A tensor of several tiles with values that are not finite in more than one of them.
  private func damaged(_ name: String) -> TestTensor {
    var values = [Double](repeating: 0.5, count: 200_000)
    values[3] = .nan
    values[70_000] = .infinity
    values[199_999] = -.infinity
    return TestTensor(name, .float32, [200_000], values)
  }

  @Test(arguments: ["linear", "ties"])
  func `values that are not finite are counted over the whole tensor`(method: String) async throws {
    let good = TestTensor("w", .float32, [200_000], seed: 1)
    let merge = try models([good], [damaged("w")])
    let recipe =
      method == "linear"
      ? Self.linear
      : """
      merge_method: ties
      base_model: a
      models: [{model: b, parameters: {weight: 1, density: 0.5}}]
      """
    for threads in [1, 4] {
      let error = await failure(merge, try merge.plan(recipe), .init(threads: threads))
      #expect(error?.kind == .invalid)
      #expect(
        error?.diagnostics.map(\.message) == [
          "tensor 'w': 3 of 200000 values are NaN or infinite"
        ])
      #expect(error?.diagnostics[0].file == merge.folder.appending("b/model.safetensors"))
      try expectNothing(merge)
    }
  }

  @Test func `a tensor full of NaN is reported, whatever the method`() async throws {
    let nan = TestTensor("w", .bfloat16, [300], [Double](repeating: .nan, count: 300))
    let merge = try models([TestTensor("w", .bfloat16, [300], seed: 1)], [nan])
    for (method, parameters) in [
      ("ties", "{weight: 1, density: 0.3}"), ("dare_ties", "{weight: 1, density: 0.3}"),
      ("task_arithmetic", "{weight: 1}"), ("slerp", "{}"),
    ] {
      let recipe = """
        merge_method: \(method)
        base_model: a
        models: [{model: b, parameters: \(parameters)}]
        """ + (method == "slerp" ? "\nparameters: {t: 0.5}" : "")
      let error = await failure(merge, try merge.plan(recipe))
      #expect(
        error?.diagnostics.map(\.message) == ["tensor 'w': 300 of 300 values are NaN or infinite"])
    }
  }

  /// Methods that look at whole tensors, with what they need to be told.
  private static let surveying: [(method: String, body: String)] = [
    ("formula", "formula: where(b < quantile(b, 0.5), b, base)"),
    ("formula", "formula: b * quantile(abs(b - base), 1) / norm(b)"), ("arcee_fusion", ""),
    ("ties", "parameters: {weight: 1, density: 0.5, semantics: paper}"),
    ("ties", "parameters: {weight: 1, density: 0.5}"),
    ("breadcrumbs", "parameters: {weight: 1, density: 0.5, gamma: 0.2}"),
    ("della", "parameters: {weight: 1, density: 0.5, epsilon: 0.1}"),
    ("dare_ties", "parameters: {weight: 1, density: 0.5}"),
    ("sce", "parameters: {select_topk: 0.5}"), ("slerp", "parameters: {t: 0.5}"),
    ("model_stock", ""), ("nearswap", "parameters: {t: 0.1}"),
  ]

  /// The last patterns of NaN are the greatest of all patterns.
  @Test(
    arguments: [
      0x7FFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF, 0x7FF0_0000_0000_0001, 0xFFF0_0000_0000_0001,
      0x7FF8_0000_0000_0000,
    ] as [UInt64])
  func `NaN of any pattern is reported by methods that look at whole tensors`(
    pattern: UInt64
  ) async throws {
    for shape in [[2, 2], [1, 4], [4, 1], [4]] {
      let nan = TestTensor("w", .float64, shape, [1, Double(bitPattern: pattern), -2, 0.5])
      let merge = try models([TestTensor("w", .float64, shape, [0, 1, 2, 3])], [nan])
      try merge.model("c", [TestTensor("w", .float64, shape, [1, 1, -2, 3])])
      for (method, body) in Self.surveying {
        let third = method == "model_stock" ? ", {model: c}" : ""
        let recipe = """
          merge_method: \(method)
          base_model: a
          models: [{model: b\(method == "formula" ? ", as: b" : "")}\(third)]
          \(body)
          """
        let error = await failure(merge, try merge.plan(recipe))
        #expect(
          error?.diagnostics.map(\.message) == ["tensor 'w': 1 of 4 values are NaN or infinite"],
          "\(method)")
        let summary = try await MergeExecutor(
          plan: merge.plan(recipe),
          options: .init(threads: 1, overwrites: true, allowsNonFinite: true)
        ).run(into: merge.folder.appending("allowed"))
        #expect(!summary.remarks.isEmpty)
      }
    }
  }

  @Test func `values that are not finite are merged with a warning when allowed`() async throws {
    let merge = try models([TestTensor("w", .float32, [200_000], seed: 1)], [damaged("w")])
    let summary = try await MergeExecutor(
      plan: merge.plan(Self.linear), options: .init(threads: 2, allowsNonFinite: true)
    ).run(into: merge.folder.appending("out"))
    #expect(
      summary.remarks.map(\.message) == [
        "tensor 'w': 3 of 200000 values are NaN or infinite",
        "tensor 'w': 3 of 200000 results are NaN or infinite",
      ])
    #expect(summary.remarks.allSatisfy { $0.severity == .warning })
    let values = try TestTensor.read(merge.folder.appending("out/model.safetensors"))[0].values
    #expect(values.indices.filter { !values[$0].isFinite } == [3, 70_000, 199_999])
  }

  @Test(arguments: [
    (DType.float16, "F16", [65_504, 65_520, -70_000, 1], 2),
    (DType.float8E4M3, "F8_E4M3", [448, 465, -600, 1], 2),
    (DType.float8E5M2, "F8_E5M2", [57_344, 61_440, -1e6, 1], 2),
    (DType.float32, "F32", [3e38, 3.5e38, -1e300, 1], 2),
  ])
  func `results that do not fit are counted`(
    dtype: DType, name: String, values: [Double], count: Int
  ) async throws {
    let tensor = TestTensor("w", .float64, [4], values)
    let merge = try models([tensor], [tensor])
    let plan = try merge.plan(Self.linear, options: PlanOptions(dtype: dtype))
    let error = await failure(merge, plan)
    #expect(
      error?.diagnostics.map(\.message) == [
        "tensor 'w': \(count) of 4 results do not fit in \(name) and would become infinite or NaN"
      ])
    let wider = dtype == .float32 ? "float64" : "bfloat16"
    #expect(
      error?.diagnostics.map(\.hint) == ["choose a wider type, such as out_dtype: \(wider)"])
    let summary = try await MergeExecutor(
      plan: plan, options: .init(threads: 1, allowsNonFinite: true)
    ).run(into: merge.folder.appending("out"))
    #expect(
      summary.remarks.map(\.message) == [
        "tensor 'w': \(count) of 4 results do not fit in \(name) and became infinite or NaN"
      ])
  }

  @Test func `a result that is not a number is not laid at the type's door`() async throws {
    let tensor = TestTensor("w", .float32, [4], [0, 0, 0, 0])
    let merge = try models([tensor], [tensor])
    let plan = try merge.plan(
      """
      merge_method: formula
      models: [{model: ./a}, {model: ./b}]
      formula: a / norm(b)
      """)
    let error = await failure(merge, plan)
    #expect(error?.diagnostics.map(\.message) == ["tensor 'w': 4 of 4 results are NaN or infinite"])
  }

  @Test func `integers that differ are refused before anything is written`() async throws {
    let left = [Double](repeating: 3, count: 300_000)
    var right = left
    right[299_999] = 4
    let merge = try models(
      [TestTensor("n", .int32, [300_000], left)], [TestTensor("n", .int32, [300_000], right)])
    let error = await failure(merge, try merge.plan(Self.linear))
    #expect(
      error?.diagnostics.map(\.message) == [
        "tensor 'n' holds I32 and differs between 'a' and 'b'; only floating-point tensors can be "
          + "merged"
      ])
    try expectNothing(merge)
  }

  @Test(arguments: ["linear", "passthrough"])
  func `a file that was cut short meanwhile is named`(method: String) async throws {
    let tensors = [
      TestTensor("first", .float32, [100_000], seed: 1),
      TestTensor("last", .float32, [100_000], seed: 2),
    ]
    let merge = try models(tensors, tensors)
    let plan = try merge.plan(
      method == "linear" ? Self.linear : "merge_method: passthrough\nmodels: [{model: a}]")
    let path = merge.folder.appending("a/model.safetensors")
    let file = try #require(FileHandle(forWritingAtPath: path))
    try file.truncate(atOffset: 600_000)
    try file.close()
    for threads in [1, 3] {
      let error = await failure(merge, plan, .init(threads: threads))
      #expect(error?.kind == .inputOutput)
      #expect(error?.diagnostics.first?.file == path)
      #expect(
        error?.diagnostics.first?.message.hasPrefix("tensor 'last': the file ended at byte 600000")
          == true)
      try expectNothing(merge)
    }
  }

  @Test func `a run that is cancelled leaves nothing`() async throws {
    let tensors = (0..<2000).map { TestTensor("t\($0)", .float32, [2], seed: $0) }
    let merge = try models(tensors, tensors)
    let plan = try merge.plan(
      "merge_method: slow_copy\nmodels: [{model: a}]", registry: .withSamples)
    let progress = ProgressCounter()
    let executor = MergeExecutor(plan: plan, options: .init(threads: 3), progress: progress)
    let path = merge.folder.appending("out")
    let run = Task { try await executor.run(into: path) }
    let wasBegun = Atomic<Bool>(false)
    // On a thread of its own: those of tasks may all be taken by other tests.
    await withCheckedContinuation { continuation in
      Thread {
        while progress.tensorsDone < 5 { Thread.sleep(forTimeInterval: 0.001) }
        wasBegun.store(
          FileManager.default.fileExists(atPath: path + ".partial"), ordering: .relaxed)
        run.cancel()
        continuation.resume()
      }.start()
    }
    let begun = wasBegun.load(ordering: .relaxed)
    #expect(begun)
    let error = await #expect(throws: DiagnosticError.self) { try await run.value }
    #expect(error?.kind == .interrupted)
    #expect(progress.tensorsDone < 2000)
    try expectNothing(merge)
  }

  @Test func `a run that is cancelled before it begins leaves nothing`() async throws {
    let tensors = [TestTensor("t", .float32, [2], seed: 0)]
    let merge = try models(tensors, tensors)
    let executor = MergeExecutor(plan: try merge.plan(Self.linear), options: .init(threads: 1))
    let path = merge.folder.appending("out")
    let run = Task {
      while !Task.isCancelled { await Task.yield() }
      return try await executor.run(into: path)
    }
    run.cancel()
    let error = await #expect(throws: DiagnosticError.self) { try await run.value }
    #expect(error?.kind == .interrupted)
    try expectNothing(merge)
  }

  @Test func `a run that fails leaves the output that it was to replace`() async throws {
    let good = [TestTensor("w", .float32, [3], [1, 2, 3])]
    let merge = try models(good, good)
    try await merge.run(Self.linear)
    let before = try merge.folder.names("out").map { try merge.folder.bytes("out/\($0)") }
    try merge.model("b", [TestTensor("w", .float32, [3], [1, .nan, 3])])
    let error = await failure(
      merge, try merge.plan(Self.linear), .init(threads: 1, overwrites: true))
    #expect(error != nil)
    #expect(try merge.folder.names("out").map { try merge.folder.bytes("out/\($0)") } == before)
    #expect(try merge.folder.names() == ["a", "b", "out"])
  }

  @Test func `an output that exists is refused and replaced on demand`() async throws {
    let good = [TestTensor("w", .float32, [3], [1, 2, 3])]
    let merge = try models(good, good)
    try await merge.run(Self.linear)
    let error = await failure(merge, try merge.plan(Self.linear))
    #expect(error?.kind == .output)
    try merge.folder.write("mine", to: "out/extra.txt")
    try merge.model("b", [TestTensor("w", .float32, [3], [3, 4, 5])])
    try await merge.run(Self.linear, execution: .init(threads: 1, overwrites: true))
    #expect(
      try TestTensor.read(merge.folder.appending("out/model.safetensors"))[0].values == [2, 3, 4])
    #expect(try merge.folder.names() == ["a", "b", "out"])
    #expect(!merge.folder.exists("out/extra.txt"))
  }
}
