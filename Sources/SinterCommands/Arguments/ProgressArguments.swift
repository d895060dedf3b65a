import ArgumentParser

/// How a command shows that it is at work.
struct ProgressArguments: ParsableArguments {
  @Flag(help: "Print nothing but errors.")
  var quiet = false

  @Option(
    help: ArgumentHelp(
      "Progress on standard error; auto is a redrawn line on a terminal, otherwise nothing.",
      valueName: "style"))
  var progress = ProgressStyle.auto

  /// What is shown when the user wants to see as much.
  var style: ProgressStyle { quiet ? .none : progress }
}
