import ArgumentParser
import Foundation
import Safetensors
public import Sinter

/// The program as a whole: from arguments to exit code.
///
/// A program with merge methods of its own is this one with another registry:
/// ```swift
/// var registry = MethodRegistry.builtIn
/// registry.register(Median.self)
/// await SinterProgram.main(methods: registry)
/// ```
public enum SinterProgram {
  /// The methods that the commands know.
  @TaskLocal static var methods = MethodRegistry.builtIn

  /// Runs the program with the arguments of the process and ends the process.
  ///
  /// - Parameter methods: the methods that recipes can name.
  public static func main(methods: MethodRegistry = .builtIn) async -> Never {
    let arguments = Array(CommandLine.arguments.dropFirst())
    exit(await $methods.withValue(methods) { await run(arguments) })
  }

  /// Runs one command.
  ///
  /// - Parameter arguments: the arguments without the program's name.
  /// - Returns: the exit code.
  static func run(_ arguments: [String]) async -> Int32 {
    do {
      var command = try SinterCommand.parseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      return 0
    } catch {
      return finish(after: error, arguments)
    }
  }

  /// Prints help, version and usage errors. What went wrong in a command was printed by it.
  private static func finish(after error: any Error, _ arguments: [String]) -> Int32 {
    let code = SinterCommand.exitCode(for: error)
    let message = SinterCommand.fullMessage(for: error)
    guard !message.isEmpty else { return code.rawValue }
    let console = Console()
    if code.isSuccess {
      if console.print(message) { return code.rawValue }
      let failure = Failure(DiagnosticError.standardOutput)
      console.print(failure)
      return failure.exitCode
    }
    if arguments.contains("--json") {
      let failure = Failure(
        usage: SinterCommand.message(for: error), exitCode: ExitStatus.usage.rawValue)
      console.print(failure.document(ofCommand: commandName(in: arguments)))
    } else {
      console.printError(message)
    }
    return code.rawValue
  }

  private static func commandName(in arguments: [String]) -> String {
    var found: [String] = []
    var commands = SinterCommand.configuration.subcommands
    for argument in arguments {
      let named = commands.first { $0.configuration.commandName == argument }
      guard let named else { continue }
      found.append(argument)
      commands = named.configuration.subcommands
    }
    return found.isEmpty ? "usage" : found.joined(separator: "-")
  }
}
