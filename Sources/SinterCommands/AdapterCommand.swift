import ArgumentParser

/// `sinter adapter`: what can be done with LoRA adapters.
struct AdapterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adapter",
    abstract: "Work with LoRA adapters: apply them to a model, extract them, look at them.",
    discussion: """
      Recipes take adapters too, wherever they name a model: 'BASE+ADAPTER'.
      """,
    subcommands: [AdapterApplyCommand.self, ExtractCommand.self, AdapterInspectCommand.self])
}
