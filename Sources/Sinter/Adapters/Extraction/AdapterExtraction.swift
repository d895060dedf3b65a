import Safetensors
import SinterTensors

/// Extracts an adapter: what a fine-tuned model adds to its base, as factors of low rank.
public struct AdapterExtraction: Sendable {
  private let plan: ExtractionPlan
  private let progress: ProgressCounter
  private let stop = StopFlag()

  /// Makes an extraction.
  ///
  /// - Parameters:
  ///   - plan: what to do.
  ///   - progress: counts what is done while it runs.
  public init(plan: ExtractionPlan, progress: ProgressCounter = ProgressCounter()) {
    self.plan = plan
    self.progress = progress
  }

  /// Runs the extraction.
  ///
  /// The output is built in a folder beside the final one, named `NAME.partial`, and takes its name
  /// only when it is complete and on disk. A run that fails or is cancelled removes it.
  ///
  /// - Parameter path: the output folder.
  /// - Returns: what was done.
  /// - Throws: ``DiagnosticError`` when the models are the same, a difference is not finite, an
  ///   input or the output cannot be used, or the task is cancelled.
  @concurrent
  public func run(into path: String) async throws -> ExtractionSummary {
    let clock = ContinuousClock()
    let start = clock.now
    let writer = try AdapterWriter(
      path: path, overwrites: plan.options.overwrites,
      inputPaths: [plan.finetuned.path, plan.base.path], byteCount: plan.estimatedByteCount)
    do {
      let changed = ChangedModules(plan.modules, changed: try await compare())
      guard changed.faults.isEmpty else { throw DiagnosticError(changed.faults) }
      guard !changed.factored.isEmpty else { throw DiagnosticError([nothing(changed)]) }
      progress.expect(modules: changed.factored.count)
      let factors = try await extract(changed.factored, with: writer)
      let output = ExtractedAdapter(plan, changed, factors)
      guard !output.modules.isEmpty else { throw DiagnosticError([nothing(changed)]) }
      try stop.check()
      let (remarks, byteCount) = try writer.finish(
        output.tensors, files: output.files(title: writer.name))
      return output.summary(
        folder: path, bytesRead: progress.bytesRead, bytesWritten: byteCount,
        seconds: (clock.now - start) / .seconds(1), remarks: remarks)
    } catch {
      writer.discard()
      throw DiagnosticError.ending(error, output: path)
    }
  }

  /// Finds the tensors that differ: for each module their places.
  private func compare() async throws -> [Set<Int>] {
    let (plan, progress, stop) = (plan, progress, stop)
    return try await ModuleThreads(count: plan.options.threads, stop: stop).results(
      plan.modules.map(\.size)
    ) { module in
      var places = Set<Int>()
      for (place, pair) in plan.modules[module].tensors.enumerated()
      where try pair.differs(progress: progress, stop: stop) {
        places.insert(place)
      }
      return places
    }
  }

  /// Finds the factors of modules.
  private func extract(
    _ modules: [ModuleDifference], with writer: AdapterWriter
  ) async throws -> [ModuleFactors?] {
    let (plan, progress, stop) = (plan, progress, stop)
    let threads = ModuleThreads(count: plan.budget.shares.workers, stop: stop)
    return try await threads.results(modules.map(\.size), sharing: plan.budget.shares) {
      place, share, earlier in
      let factors = try ModuleExtraction(
        module: modules[place], options: plan.options, share: share, writer: writer,
        progress: progress, stop: stop
      ).run(after: earlier)
      progress.add(tensors: 1)
      return factors
    }
  }

  /// Why there is no adapter to be written.
  private func nothing(_ changed: ChangedModules) -> Diagnostic {
    if !changed.leftOut.isEmpty {
      return Diagnostic(
        .error,
        "no matrix is left to be factored: \(changed.leftOut.count) modules that differ are left out",
        hint: "change --include and --exclude")
    }
    if let first = changed.whole.first {
      return Diagnostic(
        .error,
        "the models differ only in what has no factors, such as '\(first.name)'; that makes no "
          + "LoRA adapter")
    }
    return Diagnostic(
      .error, "the two models hold the same weights: there is nothing to extract",
      hint: "name the fine-tuned model first and its base second")
  }
}

extension ExtractionPlan {
  /// About how many bytes the adapter's weight file takes.
  var estimatedByteCount: Int {
    modules.filter { !$0.isLeftOut }.reduce(0) { sum, module in
      guard module.form != nil else {
        return module.tensors.allSatisfy { $0.base != nil }
          ? sum : sum + module.tensors.reduce(0) { $0 + $1.finetuned.tensor.byteCount }
      }
      let (rows, columns) = module.extents
      let rank = min(options.rank ?? 32, rows, columns)
      return sum + module.experts * rank * (rows + columns) * options.dtype.bitWidth / 8
    }
  }
}
