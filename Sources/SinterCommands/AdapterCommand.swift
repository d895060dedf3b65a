import ArgumentParser

/// `sinter adapter`: what can be done with LoRA adapters.
struct AdapterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adapter",
    abstract: "Work with LoRA adapters: apply, combine, extract and inspect them.",
    discussion: """
      Recipes take adapters too, wherever they name a model: 'BASE+ADAPTER'.
      """,
    subcommands: [
      AdapterApplyCommand.self, AdapterCombineCommand.self, AdapterExtractCommand.self,
      AdapterInspectCommand.self,
    ])
}
