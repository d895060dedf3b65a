import SinterTensors
import Testing

@testable import Sinter

@Suite struct ExecutionBudgetTests {
  private func plan(_ recipe: String, _ shape: [Int] = [300, 300]) throws -> (TestMerge, MergePlan)
  {
    let merge = try TestMerge()
    for (index, name) in ["base", "a", "b"].enumerated() {
      try merge.model(name, [TestTensor("w", .bfloat16, shape, seed: UInt64(index))])
    }
    return (merge, try merge.plan(recipe, registry: .withSamples))
  }

  private static let ties = """
    merge_method: ties
    base_model: base
    models:
      - {model: a, parameters: {weight: 1, density: 0.5}}
      - {model: b, parameters: {weight: 1, density: 0.5}}
    dtype: float32
    """

  @Test func `a worker holds its tiles, its bytes and its part of the survey`() throws {
    let (_, plan) = try plan(Self.ties)
    let sizes = WorkerSizes(plan.tensors)
    let tile = TileGrid.standardTileLength
    let run = 65_536
    // Runs are read one after the other, and these two are written at once.
    let written = 300 * 300
    #expect(sizes.inputBytes == 3 * run * 2)
    #expect(sizes.outputBytes == written * 4)
    #expect(sizes.inputElements == 3 * tile)
    #expect(sizes.scratchElements == 0)
    #expect(sizes.outputElements == tile)
    #expect(sizes.surveyByteCount == 2 * MagnitudeSelection.passByteCount)
    #expect(
      sizes.total == run * 6 + written * 4 + 4 * tile * 8
        + 5 * 2 * MagnitudeSelection.passByteCount)
  }

  @Test func `what surveys remember counts for two at most, and for one where memory is short`()
    throws
  {
    let (_, plan) = try plan(Self.ties.replacing("ties", with: "dare_ties"))
    let sizes = WorkerSizes(plan.tensors)
    let held = sizes.surveyHeldByteCount
    // A bit for each element of two models, in whole words, and a little for each tile.
    #expect(held >= 2 * 300 * 300 / 8)
    #expect(held < 2 * 300 * 300 / 8 * 2)
    let rows = sizes.inputElements + sizes.scratchElements + sizes.outputElements
    #expect(sizes.total == sizes.inputBytes + sizes.outputBytes + 8 * rows)
    let one = try ExecutionBudget(plan, options: .init(threads: 1, memory: 1 << 40))
    let fixed = one.memory - sizes.total - held
    #expect(one.heldByteCount == held)
    for (memory, workers, surveys) in [
      (fixed + sizes.total + held, 1, 1), (fixed + 2 * sizes.total + held, 2, 1),
      (fixed + 2 * sizes.total + 2 * held, 2, 2), (1 << 40, 8, 2),
    ] {
      let budget = try ExecutionBudget(plan, options: .init(threads: 8, memory: memory))
      #expect(budget.workers == workers)
      #expect(budget.heldByteCount == surveys * held)
      #expect(budget.memory == fixed + workers * sizes.total + surveys * held)
      #expect(budget.memory <= memory)
    }
    #expect(throws: DiagnosticError.self) {
      let memory = fixed + sizes.total + held - 1
      return try ExecutionBudget(plan, options: .init(threads: 8, memory: memory))
    }
    let (_, plain) = try self.plan(Self.ties)
    #expect(WorkerSizes(plain.tensors).surveyHeldByteCount == 0)
  }

  @Test func `as many workers are taken as fit`() throws {
    let (_, plan) = try plan(Self.ties)
    let each = WorkerSizes(plan.tensors).total
    let one = try ExecutionBudget(plan, options: .init(threads: 1, memory: 1 << 40))
    #expect(one.workers == 1)
    let fixed = one.memory - each
    for (memory, workers) in [
      (fixed + each, 1), (fixed + 3 * each - 1, 2), (fixed + 3 * each, 3), (1 << 40, 8),
    ] {
      let budget = try ExecutionBudget(plan, options: .init(threads: 8, memory: memory))
      #expect(budget.workers == workers)
      #expect(budget.memory == fixed + workers * each)
      #expect(budget.memory <= memory)
    }
    let small = try ExecutionBudget(plan, options: .init(threads: 8, memory: 64 << 20))
    #expect(small.workers >= 2)
  }

  @Test func `a ceiling below one worker is refused`() throws {
    let (_, plan) = try plan("merge_method: reversal\nmodels: [{model: a}]", [2000, 2000])
    let error = #expect(throws: DiagnosticError.self) {
      try ExecutionBudget(plan, options: .init(threads: 8, memory: 64 << 20))
    }
    #expect(error?.diagnostics.first?.hint == "raise --memory")
    #expect(error?.diagnostics.first?.message.hasPrefix("the merge needs ") == true)
    #expect(throws: DiagnosticError.self) {
      try ExecutionBudget(plan, options: .init(threads: 1, memory: 0))
    }
  }

  @Test func `copies need no more than a piece`() throws {
    let (_, plan) = try plan("merge_method: passthrough\nmodels: [{model: a}]", [2000, 2000])
    #expect(WorkerSizes(plan.tensors).total == WorkerSizes.copyLength)
    let (_, tiny) = try self.plan("merge_method: passthrough\nmodels: [{model: a}]", [])
    #expect(WorkerSizes(tiny.tensors).total == 2)
    #expect(WorkerSizes([]).total == 0)
  }
}
