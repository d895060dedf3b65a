import Foundation
import Safetensors
import SinterTensors

/// What a finished merge reports.
public struct MergeSummary: Sendable, Hashable {
  /// The output folder.
  public let folder: String
  /// The number of tensors that were written.
  public let tensors: Int
  /// The bytes that were read, survey passes included.
  public let bytesRead: Int
  /// The bytes of the weight files.
  public let bytesWritten: Int
  /// The time in seconds.
  public let seconds: Double
  /// What adapters did to the models, one for each model that has any.
  public let adapters: [AdapterOutcome]
  /// What came up while it ran.
  public let remarks: [Diagnostic]
}

/// Executes a plan: reads tiles, merges them and writes them at the places that the plan fixed.
public struct MergeExecutor: Sendable {
  private let plan: MergePlan
  private let options: ExecutionOptions
  private let progress: ProgressCounter
  /// How much adapters change each input.
  private let meters: [ChangeMeter]

  /// Makes an executor.
  ///
  /// - Parameters:
  ///   - plan: what to do.
  ///   - options: with how many workers, in how much memory.
  ///   - progress: counts what is done while it runs.
  public init(
    plan: MergePlan, options: ExecutionOptions, progress: ProgressCounter = ProgressCounter()
  ) {
    self.plan = plan
    self.options = options
    self.progress = progress
    meters = plan.inputs.map { _ in ChangeMeter() }
  }

  /// Runs the merge.
  ///
  /// The output is built in a folder beside the final one, named `NAME.partial`, and takes its name
  /// only when it is complete and on disk. A run that fails or is cancelled removes it.
  ///
  /// - Parameter path: the output folder.
  /// - Returns: what was done.
  /// - Throws: ``DiagnosticError`` when an input or the output cannot be used, or when the task is
  ///   cancelled.
  @concurrent
  public func run(into path: String) async throws -> MergeSummary {
    let clock = ContinuousClock()
    let start = clock.now
    let budget = try ExecutionBudget(plan, options: options)
    let inputs = plan.inputs.map(\.checkpoint)
    try EqualityCheck(plan).run()
    let writer = try CheckpointWriter(
      path: path, overwrites: options.overwrites, inputPaths: inputs.map(\.path),
      byteCount: plan.outputByteCount)
    var remarks: [Diagnostic]
    do {
      remarks = try await writeWeights(to: writer, budget: budget)
      try writeSideFiles(to: writer)
      try Task.checkCancellation()
      remarks += try writer.finish()
    } catch {
      writer.discard()
      throw DiagnosticError.ending(error, output: path)
    }
    return MergeSummary(
      folder: path, tensors: plan.tensors.count, bytesRead: progress.bytesRead,
      bytesWritten: plan.bytesToWrite, seconds: (clock.now - start) / .seconds(1),
      adapters: plan.adapterOutcomes(meters), remarks: remarks)
  }

  private func writeWeights(
    to writer: CheckpointWriter, budget: ExecutionBudget
  ) async throws -> [Diagnostic] {
    let outputs = try plan.shards.map { try writer.createShard($0) }
    let scheduler = Scheduler(
      units(writingTo: outputs), workers: budget.workers, heldByteLimit: budget.heldByteCount,
      stopsAtNonFinite: !options.allowsNonFinite, progress: progress)
    await withTaskCancellationHandler {
      await Self.runWorkers(budget.workers, sizes: budget.sizes, scheduler)
    } onCancel: {
      scheduler.fail(CancellationError())
    }
    let nonFinite = try scheduler.outcome()
    let report = NonFiniteReport(nonFinite, plan: plan, isError: !options.allowsNonFinite)
    guard nonFinite.isEmpty || options.allowsNonFinite else {
      throw DiagnosticError(report.diagnostics)
    }
    for output in outputs where options.synchronizes {
      try Task.checkCancellation()
      try output.synchronize()
    }
    return report.diagnostics
  }

  /// Runs workers on threads of their own: they block on files and on each other, which tasks of
  /// the shared pool must not.
  private static func runWorkers(
    _ count: Int, sizes: WorkerSizes, _ scheduler: Scheduler
  ) async {
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<count {
        group.addTask {
          await withCheckedContinuation { continuation in
            let thread = Thread {
              var buffers = WorkerBuffers(sizes)
              scheduler.work(with: &buffers)
              continuation.resume()
            }
            thread.start()
          }
        }
      }
    }
  }

  private static let indexName = "model.safetensors.index.json"

  private func writeSideFiles(to writer: CheckpointWriter) throws {
    let donor = plan.inputs[plan.donor].checkpoint
    for file in plan.sideFiles { try writer.copy(file.name, from: donor.path) }
    if plan.shards.count > 1 {
      try writer.write(plan.shardIndex().encoded(), to: Self.indexName)
    }
    if let configuration = plan.configuration {
      try writer.write(Array(configuration.utf8), to: "config.json")
    }
    try writer.write(Array(plan.recipe.text.utf8), to: "sinter_recipe.yml")
    try writer.write(
      Array(ModelCard(plan, title: writer.name).text.utf8), to: "README.md")
    try writer.write(Manifest(plan).encoded(), to: "sinter_manifest.json")
  }
}

// MARK: - Units

extension MergeExecutor {
  /// The units of work, in the order in which they are begun.
  private func units(writingTo outputs: [OutputFile]) -> [any WorkUnit] {
    var units: [any WorkUnit] = []
    var modelWide: [PlannedTensor] = []
    for tensor in plan.tensors {
      if let unit = updateUnit(tensor, outputs) {
        units.append(unit)
        continue
      }
      switch tensor.effectiveOperation {
      case .copy:
        units.append(
          CopyUnit(tensor, from: stored(tensor.sources[0]), to: outputs[tensor.shard]))
      case .merge(let method, _) where method.surveyScope == .model:
        modelWide.append(tensor)
      case .merge(let method, _):
        units.append(unit(method, [tensor], outputs))
      }
    }
    if let first = modelWide.first, case .merge(let method, _) = first.operation {
      units.append(unit(method, modelWide, outputs))
    }
    return units
  }

  private func unit<Method: MergeMethod>(
    _ first: Method, _ tensors: [PlannedTensor], _ outputs: [OutputFile]
  ) -> any WorkUnit {
    let members = tensors.map { tensor -> MergeUnit<Method>.Member in
      guard case .merge(let any, _) = tensor.effectiveOperation, let method = any as? Method
      else { preconditionFailure("tensors that one survey covers have one method") }
      let grid = TileGrid(shape: tensor.shape, grain: method.grain)
      return MergeUnit<Method>.Member(
        method: method, planned: tensor, sources: tensor.sources.map { source($0, grid) },
        output: outputs[tensor.shard], grid: grid)
    }
    return MergeUnit(members)
  }

  /// A unit that copies a tensor and adds products of factors, when that is all there is to do.
  private func updateUnit(_ tensor: PlannedTensor, _ outputs: [OutputFile]) -> UpdateUnit? {
    guard let source = tensor.sources.first, let grid = tensor.updateGrid,
      let update = source.tensor.update
    else { return nil }
    return UpdateUnit(
      tensor, from: UpdatedTensor(stored(source), update, meter: meters[source.input]), grid,
      to: outputs[tensor.shard])
  }

  /// A source of values: the stored tensor, or what adapters make of it.
  private func source(_ planned: PlannedSource, _ grid: TileGrid) -> any TensorSource {
    guard let update = planned.tensor.update else { return stored(planned) }
    if let substitute = update.substitute { return substitute }
    return UpdatedTensor(stored(planned), update, meter: meters[planned.input], grid: grid)
  }

  private func stored(_ planned: PlannedSource) -> StoredTensor {
    let checkpoint = plan.inputs[planned.input].checkpoint
    return StoredTensor(file: checkpoint.files[planned.tensor.file].input, tensor: planned.tensor)
  }
}

extension PlannedTensor {
  /// The operation as it is carried out: values that are copied to another element type, or that
  /// adapters change, go through the same path as merged ones.
  var effectiveOperation: Operation {
    guard case .copy = operation, let source = sources.first,
      source.tensor.dtype != dtype || source.tensor.update != nil
    else { return operation }
    let group = MergeGroup(
      tensor: name, shape: shape, inputs: [""], hasBase: false,
      parameters: GroupParameters(tensor: [:], inputs: [[:]]), seed: 0)
    return .merge(Passthrough(group), group)
  }
}

extension DiagnosticError {
  /// What is told of an error that ended the making of an output, once what was made is removed.
  static func ending(_ error: any Error, output path: String) -> any Error {
    switch error {
    case is CancellationError:
      DiagnosticError(
        [Diagnostic(.error, "interrupted; '\(path)' was not made and nothing was left behind")],
        kind: .interrupted)
    case let error as SafetensorsError: DiagnosticError(error)
    default: error
    }
  }
}
