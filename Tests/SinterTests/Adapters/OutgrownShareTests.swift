import SinterTensors
import Testing

@testable import Sinter

/// Modules that turn out to need more memory than one of several workers has.
@Suite struct OutgrownShareTests {
  private static let size = 110

  /// Matrices of slowly falling singular values, of which an energy near 1 takes more than the rank
  /// that is tried first, and one of rank 1.
  private func models() throws -> ExtractionModels {
    let models = try ExtractionModels()
    let names = ["a", "b", "c"]
    let base = names.map { TestTensor("\($0).weight", .float32, [Self.size, Self.size], seed: 1) }
    let tuned = zip(base, names).map { tensor, name in
      let values = (0..<(name == "c" ? 1 : Self.size)).map { 0.1 / (1 + 0.002 * Double($0)) }
      let change = MatrixSample.make(
        Self.size, Self.size, singularValues: values, seed: UInt64(name.utf8.first ?? 0))
      return TestTensor(
        tensor.name, .float32, tensor.shape,
        zip(tensor.values, change.elements).map { TestTensor.stored($0 + $1, .float32) })
    }
    try models.write(base, tuned)
    return models
  }

  /// The memory with which each of three workers has room for the first try and no more.
  private func memory(_ models: ExtractionModels, _ change: Int = 0) throws -> Int {
    let module = try models.plan(rank: nil, energy: 0.9).modules[0]
    return 32 << 20 + 3 * (ExtractionBudget.need(of: module, directions: 64) + change)
  }

  @Test func `an extraction by energy depends on neither threads nor memory`() async throws {
    let energy = 0.8
    let models = try models()
    let expected = try await models.extract(rank: nil, energy: energy)
    let bytes = try models.folder.bytes("out/adapter_model.safetensors")
    #expect(expected.modules.map(\.rank).max() ?? 0 > 64)
    // Room for the first try, for the matrix too, for the next try but not for both, and for all.
    for change in [0, 60_000, 180_000, 100 << 20] {
      for threads in change == 0 ? [1, 3] : [3] {
        let memory = try memory(models, change)
        let summary = try await models.extract(rank: nil, energy: energy) {
          $0.threads = threads
          $0.memory = memory
        }
        #expect(summary.modules.map(\.rank) == expected.modules.map(\.rank))
        #expect(try models.folder.bytes("out/adapter_model.safetensors") == bytes)
      }
    }
  }

  @Test func `too little memory for all is told`() async throws {
    let models = try models()
    let module = try models.plan(rank: nil, energy: 0.9).modules[0]
    let memory = 32 << 20 + ExtractionBudget.need(of: module, directions: 64)
    for threads in [1, 3] {
      let error = await #expect(throws: DiagnosticError.self) {
        try await models.extract(rank: nil, energy: 0.999) {
          $0.threads = threads
          $0.memory = memory
        }
      }
      #expect(error?.diagnostics.first?.hint == "raise --memory, or limit the rank with --rank")
    }
  }

  private func combination() throws -> CombinationRun {
    let run = try CombinationRun()
    for (name, seed) in [("x", 3), ("y", 4)] as [(String, UInt64)] {
      let modules = ["l.0.q", "l.1.q", "l.2.q"].map { ($0, Self.size, Self.size) }
      try run.write(TestAdapter(modules, rank: 40, seed: seed), name)
    }
    return run
  }

  @Test(arguments: ["ties", "dare_linear"])
  func `a combination by energy depends on neither threads nor memory`(
    method: String
  ) async throws {
    let run = try combination()
    let recipe = run.recipe(method, [("x", "density: 0.5"), ("y", "density: 0.5")])
    var options = CombinationOptions(energy: 0.99)
    let expected = try await run.combine(recipe, options)
    #expect(expected.modules.map(\.rank).max() ?? 0 > 32)
    let bytes = try run.folder.bytes("out/adapter_model.safetensors")
    for (threads, change) in [(1, 1 << 20), (2, 0), (3, 0), (3, 110_000), (3, 250_000)] {
      options.threads = threads
      options.memory = 1 << 30
      let module = try run.plan(recipe, options).modules[0]
      let need = CombinationBudget.need(of: module, options)
      options.memory = 32 << 20 + threads * (need + change)
      #expect(try run.plan(recipe, options).budget.shares.workers == threads)
      let summary = try await run.combine(recipe, options)
      #expect(summary.modules.map(\.rank) == expected.modules.map(\.rank))
      #expect(try run.folder.bytes("out/adapter_model.safetensors") == bytes)
    }
  }

  /// Factors, surveys and buffers count too, not only what the rank takes.
  @Test func `too little memory for a combination is told`() async throws {
    let run = try combination()
    let recipe = run.recipe("ties", [("x", "density: 0.5"), ("y", "density: 0.5")])
    var options = CombinationOptions(energy: 0.99, threads: 2)
    let module = try run.plan(recipe, options).modules[0]
    options.memory = 32 << 20 + CombinationBudget.need(of: module, options) + 10_000
    let faults = await run.faults(recipe, options)
    #expect(faults.count == 1)
    #expect(faults.first?.hasPrefix("error: 'l.") == true)
    #expect(faults.first?.hasSuffix("hint: raise --memory, or limit the rank with --rank") == true)
  }

  /// The factors of experts that were found are not looked for again.
  @Test func `a module goes on where it had to wait`() async throws {
    let shares = ModuleShares(needs: [10, 10, 10], threads: 2, memory: 25)
    #expect(shares.each == ModuleShare(threads: 1, memory: 12, isAll: false))
    #expect(shares.all == ModuleShare(threads: 2, memory: 25, isAll: true))
    @Sendable func pairs(_ count: Int) -> [ModuleFactors.Pair] {
      Array(repeating: .nothing, count: count)
    }
    func outcomes(_ needs: [Int]) async throws -> [String] {
      try await ModuleThreads(count: shares.workers, stop: StopFlag()).results(
        needs, sharing: shares
      ) { place, share, earlier in
        do {
          try share.require(needs[place], orThrow: DiagnosticError([Diagnostic(.error, "no")]))
        } catch is OutgrownShare {
          throw OutgrownShare(pairs: pairs(place))
        }
        return "\(place) \(share.memory) \(earlier.count)"
      }
    }
    #expect(try await outcomes([12, 25, 3, 13]) == ["0 12 0", "1 25 1", "2 12 0", "3 25 3"])
    await #expect(throws: DiagnosticError.self) { try await outcomes([12, 26, 3]) }
    #expect(try await outcomes([]) == [])
  }
}
