import Sinter

/// The execution of a plan by a command: with progress, and interrupted by a signal.
struct MergeRun {
  let plan: MergePlan
  /// The output folder.
  let output: String
  let options: ExecutionOptions
  /// How progress is shown.
  let style: ProgressStyle
  let console: Console

  /// Executes the plan.
  ///
  /// - Returns: what was done.
  /// - Throws: why it was not; after a signal, that it was interrupted.
  func summary() async throws -> MergeSummary {
    try await Interruption.cancelling { try await execute() }
  }

  /// Executes the plan, and shows progress meanwhile.
  private func execute() async throws -> MergeSummary {
    let counter = ProgressCounter()
    let executor = MergeExecutor(plan: plan, options: options, progress: counter)
    let display = ProgressDisplay(style: style, console: console, counter: counter, plan: plan)
    return try await display.showing { try await executor.run(into: output) }
  }
}
