import Safetensors

/// Makes one adapter of several, without their base.
public struct AdapterCombination: Sendable {
  private let plan: CombinationPlan
  private let progress: ProgressCounter
  private let stop = StopFlag()

  /// Makes a combination.
  ///
  /// - Parameters:
  ///   - plan: what to do.
  ///   - progress: counts what is done while it runs.
  public init(plan: CombinationPlan, progress: ProgressCounter = ProgressCounter()) {
    self.plan = plan
    self.progress = progress
  }

  /// Runs the combination.
  ///
  /// The output is built in a folder beside the final one, named `NAME.partial`, and takes its name
  /// only when it is complete and on disk. A run that fails or is cancelled removes it.
  ///
  /// - Parameter path: the output folder.
  /// - Returns: what was done.
  /// - Throws: ``DiagnosticError`` when the combination changes nothing, a factor is not finite, an
  ///   input or the output cannot be used, or the task is cancelled.
  @concurrent
  public func run(into path: String) async throws -> CombinationSummary {
    let clock = ContinuousClock()
    let start = clock.now
    let writer = try AdapterWriter(
      path: path, overwrites: plan.options.overwrites, inputPaths: plan.adapters.map(\.path),
      byteCount: plan.estimatedByteCount)
    do {
      let (plan, progress, stop) = (plan, progress, stop)
      progress.expect(modules: plan.modules.count)
      let shares = plan.budget.shares
      let factors = try await ModuleThreads(count: shares.workers, stop: stop).results(
        plan.modules.map(\.size), sharing: shares
      ) { place, share, earlier in
        let factors = try ModuleCombination(
          module: plan.modules[place], adapters: plan.adapters, options: plan.options,
          dtype: plan.dtype, share: share, writer: writer, progress: progress, stop: stop
        ).run(after: earlier)
        progress.add(tensors: 1)
        return factors
      }
      guard factors.contains(where: \.changesSomething) || !plan.kept.isEmpty else {
        throw DiagnosticError([
          Diagnostic(
            .error, "the combination changes nothing: all its updates are zero",
            hint: "look at the weights, and at the adapters with 'sinter adapter inspect'")
        ])
      }
      let output = CombinedAdapter(plan: plan, factors: factors)
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
}
