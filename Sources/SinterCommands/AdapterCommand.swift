import ArgumentParser

/// `sinter adapter`: what can be done with LoRA adapters.
struct AdapterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adapter",
    abstract: "Work with LoRA adapters.",
    subcommands: [ExtractCommand.self])
}
