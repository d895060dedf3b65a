import Foundation
import Testing

/// What a run of the built program left behind.
struct ProgramRun {
  let exitCode: Int32
  let stdout: String
  let stderr: String
}

extension Workspace {
  /// The program that was built with these tests: it lies beside their resources.
  static let program = Bundle.module.bundleURL.deletingLastPathComponent().appending(path: "sinter")

  /// Runs the program in the workspace.
  ///
  /// Its outputs go to files, so that no full pipe can stop it however much it prints.
  ///
  /// - Parameters:
  ///   - arguments: the arguments.
  ///   - input: what it finds on standard input.
  ///   - output: where standard output goes; `nil` keeps it for the result.
  ///   - environment: variables beside the tests' own.
  ///   - meanwhile: is called once it runs.
  /// - Returns: exit code and outputs.
  /// - Throws: when it cannot be started or was ended by a signal.
  func run(
    _ arguments: [String], input: String = "", output: FileHandle? = nil,
    environment: [String: String] = [:],
    meanwhile: @Sendable (Process) async throws -> Void = { _ in }
  ) async throws -> ProgramRun {
    let id = UUID().uuidString
    let outputs = try ["out", "err"].map { name in
      let file = url(".\(id).\(name)")
      try Data().write(to: file)
      return file
    }
    let process = Process()
    process.executableURL = Self.program
    process.arguments = arguments
    process.currentDirectoryURL = folder
    var variables = ProcessInfo.processInfo.environment
    variables["COLUMNS"] = nil
    variables["NO_COLOR"] = nil
    process.environment = variables.merging(environment) { $1 }
    process.standardOutput = try output ?? FileHandle(forWritingTo: outputs[0])
    process.standardError = try FileHandle(forWritingTo: outputs[1])
    let pipe = Pipe()
    process.standardInput = pipe
    let (ended, end) = AsyncStream<Void>.makeStream()
    process.terminationHandler = { _ in end.finish() }
    // Before it runs: a program that does not read would otherwise end the tests by a signal.
    try pipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try process.run()
    try pipe.fileHandleForWriting.close()
    try await meanwhile(process)
    for await _ in ended {}
    process.waitUntilExit()
    try #require(process.terminationReason == .exit, "ended by signal \(process.terminationStatus)")
    let texts = try outputs.map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }
    for file in outputs { try FileManager.default.removeItem(at: file) }
    return ProgramRun(exitCode: process.terminationStatus, stdout: texts[0], stderr: texts[1])
  }

  /// Runs the program with arguments in a row.
  func run(
    _ arguments: String..., input: String = "", environment: [String: String] = [:],
    meanwhile: @Sendable (Process) async throws -> Void = { _ in }
  ) async throws -> ProgramRun {
    try await run(arguments, input: input, environment: environment, meanwhile: meanwhile)
  }
}
