public import ArgumentParser
import Sinter

/// The program `sinter`.
public struct SinterCommand: AsyncParsableCommand {
  /// How the program is called.
  public static let configuration = CommandConfiguration(
    commandName: "sinter",
    abstract: "Merges fine-tuned models into one, without training.",
    version: SinterVersion.current)

  /// Makes the command.
  public init() {}
}
