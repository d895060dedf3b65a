import ArgumentParser

/// Measures Sinter. Each command says what; numbers come as Markdown.
@main
struct Benchmarks: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "Benchmarks", abstract: "Measure Sinter.",
    subcommands: [
      ModelsCommand.self, SpeedCommand.self, AccuracyCommand.self, PicturesCommand.self,
      PlanningCommand.self, GuardCommand.self, ScalingCommand.self, MergeCommand.self,
    ])
}
