import Foundation
import Sinter
import Testing

@Suite struct SinterProgramTests {
  let workspace: Workspace

  init() throws {
    workspace = try Workspace()
  }

  @Test(arguments: ["merge", "plan", "inspect", "methods"])
  func `each command has its help`(command: String) async throws {
    let run = try await workspace.run(command, "--help")
    #expect(run.exitCode == 0)
    #expect(run.stderr.isEmpty)
    try Snapshot.expect(run.stdout, equals: "help-\(command)")
  }

  @Test func `the program has its help, also without arguments`() async throws {
    let run = try await workspace.run("--help")
    #expect(run.exitCode == 0)
    #expect(run.stderr.isEmpty)
    try Snapshot.expect(run.stdout, equals: "help")
    let bare = try await workspace.run()
    #expect(bare.exitCode == 0)
    #expect(bare.stdout == run.stdout)
  }

  @Test func `the version is one line`() async throws {
    let run = try await workspace.run("--version")
    #expect(run.exitCode == 0)
    #expect(run.stdout == SinterVersion.current + "\n")
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func `shells get completions`(shell: String) async throws {
    let run = try await workspace.run("--generate-completion-script", shell)
    #expect(run.exitCode == 0)
    #expect(run.stdout.contains("on-missing"))
  }

  @Test func `an unknown flag is wrong usage`() async throws {
    let run = try await workspace.run("merge", "a.yml", "out", "--thread", "2")
    #expect(run.exitCode == 64)
    #expect(run.stdout.isEmpty)
    #expect(run.stderr.hasPrefix("error: Unknown option '--thread'. Did you mean '--threads'?\n"))
  }

  @Test(arguments: [
    ["merge"], ["merge", "a.yml"], ["frobnicate"], ["merge", "a", "b", "--threads", "0"],
    ["merge", "a", "b", "--seed", "-1"], ["merge", "a", "b", "--dtype", "int8"],
    ["plan", "a", "--on-missing", "ignore"], ["plan", "a", "--shard-size", "0"],
    ["merge", "a", "b", "--progress", "loud"], ["inspect"],
  ])
  func `wrong usage is told on standard error`(arguments: [String]) async throws {
    let run = try await workspace.run(arguments)
    #expect(run.exitCode == 64)
    #expect(run.stdout.isEmpty)
    #expect(run.stderr.hasPrefix("error: "))
  }

  @Test func `wrong usage is a document too`() async throws {
    let run = try await workspace.run("merge", "a", "b", "--memory", "5G", "--json")
    #expect(run.exitCode == 64)
    #expect(run.stderr.isEmpty)
    let document = try jsonObject(run.stdout)
    #expect(document["schema"] as? String == "sinter/merge")
    #expect(document["ok"] as? Bool == false)
    #expect(document["exit_code"] as? Int == 64)
    let diagnostics = try #require(document["diagnostics"] as? [[String: Any]])
    #expect(
      diagnostics.map { $0["message"] as? String } == [
        "The value '5G' is invalid for '--memory <size>': write the unit in full: '5GB' or '5GiB'"
      ])
  }
}
