import ArgumentParser
import Sinter

/// `sinter`: the commands and what holds for all of them.
struct SinterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sinter",
    abstract: "Merge the weights of models from YAML recipes.",
    discussion: """
      A recipe names models and a method; a merge makes one model of them, as safetensors:

        sinter plan recipe.yml           what would be done; reads no model weights
        sinter merge recipe.yml merged   do it, into the folder 'merged'

      Data goes to standard output, all else to standard error. With --json exactly one JSON \
      document goes to standard output, also when the command fails.

      Exit codes: 0 done, 64 wrong usage, 65 recipe or checkpoint invalid, 66 a named file or \
      model does not exist, 70 a fault of Sinter, 73 the output exists or cannot be created, 74 \
      input/output error or disk full, 130 interrupted.

      Completions for your shell (bash, zsh or fish):

        sinter --generate-completion-script bash
      """,
    version: SinterVersion.current,
    subcommands: [
      MergeCommand.self, PlanCommand.self, InspectCommand.self, MethodsCommand.self,
      AdapterCommand.self,
    ])

  /// The word before a message, as in all other errors.
  static var _errorLabel: String { "error" }
}
