import Foundation
import Testing

@Suite struct AdapterExtractCommandTests {
  let workspace: Workspace

  init() throws {
    workspace = try Workspace()
    try workspace.writeModel("base", seed: 1)
    try workspace.writeModel("tuned", seed: 2)
  }

  @Test func `an adapter is made and described`() async throws {
    let run = try await workspace.run(
      "adapter", "extract", "tuned", "base", "out", "--rank", "2", "--threads", "2")
    #expect(run.exitCode == 0)
    #expect(run.stdout.isEmpty)
    #expect(run.stderr.contains("extracted 2 modules of rank 2 into 'out' in "))
    #expect(run.stderr.contains(" of the difference (Frobenius norm)\n4 modules stored whole\n"))
    #expect(
      try workspace.names(in: "out") == [
        "README.md", "adapter_config.json", "adapter_model.safetensors", "sinter_manifest.json",
      ])
    let again = try await workspace.run("adapter", "extract", "tuned", "base", "out", "--rank", "2")
    #expect(again.exitCode == 73)
    let quiet = try await workspace.run(
      "adapter", "extract", "tuned", "base", "out", "--rank", "2", "--overwrite", "--quiet")
    #expect(quiet.exitCode == 0)
    #expect(quiet.stderr.isEmpty && quiet.stdout.isEmpty)
  }

  @Test func `programs get ranks and errors`() async throws {
    let run = try await workspace.run(
      "adapter", "extract", "tuned", "base", "out", "--energy", "0.8", "--exclude", "norm",
      "--json")
    #expect(run.exitCode == 0)
    let document = try jsonObject(run.stdout)
    #expect(document["schema"] as? String == "sinter/adapter-extract")
    let modules = try #require(document["modules"] as? [[String: Any]])
    #expect(modules.count == 2)
    for module in modules {
      let error = try #require(module["relative_error"] as? Double)
      #expect(error * error <= 0.2001)
    }
    #expect((document["left_out"] as? [String])?.count == 3)
    let diagnostics = try #require(document["diagnostics"] as? [[String: Any]])
    #expect(
      diagnostics.contains { ($0["message"] as? String)?.contains("were left out") == true })
  }

  @Test func `progress in JSON is one object a line`() async throws {
    let run = try await workspace.run(
      "adapter", "extract", "tuned", "base", "out", "--rank", "2", "--json", "--progress", "json")
    #expect(run.exitCode == 0)
    _ = try jsonObject(run.stdout)
    let lines = try run.stderr.split(separator: "\n").map { try jsonObject(String($0)) }
    let last = try #require(lines.last)
    #expect(last["type"] as? String == "progress")
    #expect(last["modules_done"] as? Int == 2)
    #expect(last["modules"] as? Int == 2)
    #expect(last["bytes_read"] as? Int ?? 0 > 0)
  }

  @Test func `what cannot be is refused with its exit code`() async throws {
    let cases: [([String], Int32, String)] = [
      ([], 64, "one of --rank and --energy is needed"),
      (["--rank", "0"], 64, "--rank takes a number from 1, found 0"),
      (["--energy", "1.5"], 64, "--energy takes a number above 0 and up to 1"),
      (["--rank", "2", "--dtype", "float64"], 64, "float32, bfloat16 or float16"),
      (["--rank", "2", "--include", "("], 65, "is not a regular expression"),
    ]
    for (arguments, code, text) in cases {
      let run = try await workspace.run(
        ["adapter", "extract", "tuned", "base", "out"] + arguments)
      #expect(run.exitCode == code)
      #expect(run.stderr.contains(text))
      #expect(!workspace.exists("out"))
    }
    let missing = try await workspace.run(
      "adapter", "extract", "nowhere", "base", "out", "--rank", "2")
    #expect(missing.exitCode == 66)
    let same = try await workspace.run("adapter", "extract", "base", "base", "out", "--rank", "2")
    #expect(same.exitCode == 65)
    #expect(same.stderr.contains("hold the same weights"))
  }

  @Test func `the command has its help`() async throws {
    let run = try await workspace.run("adapter", "extract", "--help")
    #expect(run.exitCode == 0)
    try Snapshot.expect(run.stdout, equals: "help-adapter-extract")
  }
}
