import Foundation
import Safetensors
import SinterTensors
import Testing

@Suite struct MergeCommandTests {
  let workspace: Workspace

  init() throws {
    workspace = try Workspace()
    try workspace.writeModels()
  }

  @Test func `a merge makes a folder and says so on standard error`() async throws {
    let run = try await workspace.run("merge", "ties.yml", "out")
    #expect(run.exitCode == 0)
    #expect(run.stdout.isEmpty)
    let line = try #require(run.stderr.wholeMatch(of: /(.* in )[0-9.]+( s: read .*)\n/))
    #expect(
      line.1 + "T" + line.2
        == "merged 6 tensors (172 parameters) from 3 models into 'out' in T s: read "
        + "\(line.2.split(separator: "read ")[1])")
    #expect(run.stderr.hasSuffix(", wrote 1.3 KB\n"))
    #expect(
      try workspace.names(in: "out") == [
        "README.md", "config.json", "model.safetensors", "sinter_manifest.json",
        "sinter_recipe.yml", "tokenizer.json",
      ])
    #expect(try workspace.bytes("out/tokenizer.json") == workspace.bytes("base/tokenizer.json"))
    #expect(!workspace.exists("out.partial"))
  }

  @Test func `with --json standard output is one document`() async throws {
    let run = try await workspace.run("merge", "ties.yml", "out", "--json")
    #expect(run.exitCode == 0)
    #expect(run.stderr.isEmpty)
    let document = try jsonObject(run.stdout)
    #expect(document["schema"] as? String == "sinter/merge")
    #expect(document["schema_version"] as? Int == 1)
    #expect(document["ok"] as? Bool == true)
    #expect(document["exit_code"] as? Int == 0)
    #expect(document["output"] as? String == "out")
    #expect(document["tensor_count"] as? Int == 6)
    #expect(document["parameter_count"] as? Int == 172)
    #expect((document["diagnostics"] as? [Any])?.isEmpty == true)
    let files = try #require(document["files"] as? [[String: Any]])
    #expect(
      files.map { $0["byte_count"] as? Int }
        == [try workspace.bytes("out/model.safetensors").count])
  }

  @Test func `quiet means nothing at all`() async throws {
    let run = try await workspace.run(
      "merge", "ties.yml", "out", "--quiet", "--progress", "json")
    #expect(run.exitCode == 0)
    #expect(run.stdout.isEmpty)
    #expect(run.stderr.isEmpty)
  }

  @Test func `the ledger is told when not everything was merged`() async throws {
    for (name, steps) in [("a", 3), ("b", 3)] {
      try workspace.writeTensors(
        [.float32("w", [2], name == "a" ? [1, 2] : [3, 4]), .int64("steps", [Int64(steps)])],
        to: "\(name).safetensors")
    }
    let run = try await workspace.run("merge", "-", "out", input: Recipes.average)
    #expect(run.exitCode == 0)
    #expect(
      run.stderr.hasSuffix(
        "\na.safetensors: 1 merged, 1 copied; b.safetensors: 1 merged, 1 excluded\n"))
  }

  @Test func `an existing output is refused, and replaced when asked`() async throws {
    #expect(try await workspace.run("merge", "ties.yml", "out").exitCode == 0)
    let before = try workspace.bytes("out/model.safetensors")
    let refused = try await workspace.run("merge", "dare.yml", "out")
    #expect(refused.exitCode == 73)
    #expect(
      refused.stderr
        == "out: error: the output exists already\nhint: choose another, or --overwrite it\n")
    #expect(try workspace.bytes("out/model.safetensors") == before)
    #expect(try await workspace.run("merge", "dare.yml", "out", "--overwrite").exitCode == 0)
    #expect(try workspace.bytes("out/model.safetensors") != before)
    #expect(try workspace.names(in: ".").filter { $0.hasPrefix("out") } == ["out"])
  }

  @Test func `an input is never the output`() async throws {
    let run = try await workspace.run("merge", "ties.yml", "base", "--overwrite")
    #expect(run.exitCode == 73)
    #expect(workspace.exists("base/tokenizer.json"))
  }

  @Test func `a recipe that is not there is not found`() async throws {
    let run = try await workspace.run("merge", "nowhere.yml", "out")
    #expect(run.exitCode == 66)
    #expect(run.stderr == "error: the recipe 'nowhere.yml' does not exist\n")
  }

  @Test func `a model that is not there is not found`() async throws {
    try workspace.write(
      Recipes.ties.replacing("math", with: "nowhere"), to: "recipes/lost.yml")
    let run = try await workspace.run("merge", "recipes/lost.yml", "out", "--json")
    #expect(run.exitCode == 66)
    #expect(run.stderr.isEmpty)
    let document = try jsonObject(run.stdout)
    #expect(document["ok"] as? Bool == false)
    #expect(document["exit_code"] as? Int == 66)
    let diagnostics = try #require(document["diagnostics"] as? [[String: Any]])
    #expect(diagnostics.count == 1)
    #expect(
      diagnostics[0]["message"] as? String
        == "model 'nowhere' does not exist; looked for 'nowhere' and 'recipes/nowhere'")
    #expect(diagnostics[0]["line"] as? Int == 4)
    #expect(!workspace.exists("out"))
  }

  @Test func `models are found beside the recipe`() async throws {
    try workspace.writeModel("deep/base", seed: 1)
    try workspace.writeModel("deep/only", seed: 4)
    try workspace.write(
      Recipes.dare.replacing("math", with: "only"), to: "deep/recipe.yml")
    #expect(try await workspace.run("merge", "deep/recipe.yml", "out").exitCode == 0)
    #expect(workspace.exists("out/model.safetensors"))
  }

  // MARK: Same bytes

  @Test func `threads and memory do not change a byte`() async throws {
    var outputs: [[Data]] = []
    let settings = [
      ["--threads", "1"], ["--threads", "2"], ["--threads", "8"],
      ["--threads", "8", "--memory", "64MiB"],
    ]
    for (place, setting) in settings.enumerated() {
      let arguments = ["merge", "ties.yml", "out\(place)", "--shard-size", "300"] + setting
      #expect(try await workspace.run(arguments).exitCode == 0)
      let files = try workspace.names(in: "out\(place)").filter { $0.hasSuffix(".safetensors") }
      #expect(files.count == 3)
      outputs.append(try files.map { try workspace.bytes("out\(place)/\($0)") })
    }
    for output in outputs { #expect(output == outputs[0]) }
  }

  @Test func `the seed decides what is dropped`() async throws {
    var outputs: [Data] = []
    for (place, seed) in ["0", "0", "1"].enumerated() {
      let run = try await workspace.run("merge", "dare.yml", "out\(place)", "--seed", seed)
      #expect(run.exitCode == 0)
      outputs.append(try workspace.bytes("out\(place)/model.safetensors"))
    }
    #expect(outputs[0] == outputs[1])
    #expect(outputs[0] != outputs[2])
  }

  @Test func `too little memory is refused before anything is made`() async throws {
    let run = try await workspace.run("merge", "ties.yml", "out", "--memory", "1MiB")
    #expect(run.exitCode == 65)
    #expect(
      run.stderr.wholeMatch(
        of: /error: the merge needs [0-9.]+ MB of memory, more than the ceiling of 1.0 MB\n.*\n/)
        != nil)
    #expect(run.stderr.hasSuffix("hint: raise --memory\n"))
    #expect(!workspace.exists("out"))
    #expect(!workspace.exists("out.partial"))
  }

  // MARK: Values

  @Test func `a NaN is refused with its tensor, and written when allowed`() async throws {
    try workspace.writeTensors([.float32("w", [3], [1, .nan, 3])], to: "a.safetensors")
    try workspace.writeTensors([.float32("w", [3], [1, 2, 3])], to: "b.safetensors")
    try workspace.write(Recipes.average, to: "average.yml")
    let run = try await workspace.run("merge", "average.yml", "out")
    #expect(run.exitCode == 65)
    #expect(
      run.stderr.hasPrefix(
        "a.safetensors: error: tensor 'w': 1 of 3 values are NaN or infinite\nhint: "))
    #expect(!workspace.exists("out"))
    #expect(!workspace.exists("out.partial"))
    let allowed = try await workspace.run("merge", "average.yml", "out", "--allow-non-finite")
    #expect(allowed.exitCode == 0)
    #expect(
      allowed.stderr.hasPrefix(
        "a.safetensors: warning: tensor 'w': 1 of 3 values are NaN or infinite\n"))
    #expect(workspace.exists("out/model.safetensors"))
  }

  @Test func `what does not fit in float16 is reported`() async throws {
    // 65504, the largest float16, times 1.5 + 1.5.
    for name in ["a", "b"] {
      try workspace.writeTensors(
        [.half("w", .float16, [2], [0x7BFF, 0x3C00])], to: "\(name).safetensors")
    }
    let recipe = Recipes.average.replacing("{weight: 1}", with: "{weight: 1.5, normalize: false}")
    let run = try await workspace.run("merge", "-", "out", input: recipe)
    #expect(run.exitCode == 65)
    #expect(
      run.stderr.hasPrefix(
        "error: tensor 'w': 1 of 2 results do not fit in F16 and would become infinite or NaN\n"))
  }

  @Test func `--dtype wins over the recipe`() async throws {
    #expect(
      try await workspace.run("merge", "ties.yml", "out", "--dtype", "bfloat16").exitCode == 0)
    let document = try jsonObject(
      try await workspace.run("inspect", "out", "--json").stdout)
    let dtypes = try #require(document["dtypes"] as? [[String: Any]])
    #expect(dtypes.map { $0["dtype"] as? String } == ["BF16"])
  }

  @Test func `a missing tensor is an error, or what --on-missing says`() async throws {
    try workspace.writeTensors(
      [.float32("w", [1], [1]), .float32("extra", [1], [5])], to: "a.safetensors")
    try workspace.writeTensors([.float32("w", [1], [3])], to: "b.safetensors")
    try workspace.write(Recipes.average, to: "average.yml")
    let refused = try await workspace.run("merge", "average.yml", "out")
    #expect(refused.exitCode == 65)
    #expect(refused.stderr.contains("extra"))
    for policy in ["base", "copy"] {
      let output = "with-\(policy)"
      let run = try await workspace.run(
        "merge", "average.yml", output, "--on-missing", policy)
      #expect(run.exitCode == 0)
      let inspection = try await workspace.run("inspect", output)
      #expect(inspection.stdout.contains("extra"))
    }
  }

  // MARK: Progress

  @Test func `progress in JSON is one object a line`() async throws {
    let run = try await workspace.run(
      "merge", "ties.yml", "out", "--json", "--progress", "json")
    #expect(run.exitCode == 0)
    _ = try jsonObject(run.stdout)
    let lines = try run.stderr.split(separator: "\n").map { try jsonObject(String($0)) }
    let last = try #require(lines.last)
    #expect(last["type"] as? String == "progress")
    #expect(last["tensors_done"] as? Int == 6)
    #expect(last["bytes_written"] as? Int == last["bytes_to_write"] as? Int)
  }

  @Test func `nothing is coloured or redrawn where there is no terminal`() async throws {
    let run = try await workspace.run(
      "merge", "nowhere.yml", "out", environment: ["TERM": "xterm-256color"])
    #expect(!run.stderr.contains("\u{1B}"))
    let merged = try await workspace.run(
      "merge", "ties.yml", "out", environment: ["TERM": "xterm-256color", "NO_COLOR": "1"])
    #expect(!merged.stderr.contains("\u{1B}"))
    #expect(!merged.stderr.contains("\r"))
  }

  // MARK: Interruption

  @Test(.timeLimit(.minutes(2)), arguments: [SIGINT, SIGTERM])
  func `an interrupted merge leaves nothing behind`(signal: Int32) async throws {
    for (name, value) in [("a", 0x3C as UInt8), ("b", 0x3D)] {
      let tensors = (0..<4).map { place in
        StoredTensorText(
          declaration: TensorDeclaration(
            name: "w\(place)", dtype: .bfloat16, shape: [1 << 10, 1 << 12]),
          bytes: Array(repeating: value, count: 8 << 20))
      }
      try workspace.writeTensors(tensors, to: "\(name).safetensors")
    }
    try workspace.write(
      """
      merge_method: arcee_fusion
      base_model: a.safetensors
      models: [{model: b.safetensors}]
      """, to: "large.yml")
    let workspace = workspace
    let run = try await workspace.run("merge", "large.yml", "out", "--threads", "1") { process in
      while !workspace.exists("out.partial/model.safetensors"), process.isRunning {
        try await Task.sleep(for: .milliseconds(2))
      }
      kill(process.processIdentifier, signal)
    }
    #expect(run.exitCode == 130)
    #expect(
      run.stderr == "error: interrupted; 'out' was not made and nothing was left behind\n")
    #expect(!workspace.exists("out"))
    #expect(!workspace.exists("out.partial"))
  }

  @Test(.timeLimit(.minutes(1)), arguments: [SIGINT, SIGTERM])
  func `a signal ends a merge that still waits for its recipe`(signal: Int32) async throws {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = Workspace.program
    process.arguments = ["merge", "-", "out"]
    process.currentDirectoryURL = workspace.folder
    process.standardInput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    // More than a pipe holds: when this returns, the program is reading.
    try pipe.fileHandleForWriting.write(
      contentsOf: Data(repeating: UInt8(ascii: "#"), count: 256 << 10))
    kill(process.processIdentifier, signal)
    for _ in 0..<1000 where process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
    #expect(!process.isRunning)
    try pipe.fileHandleForWriting.close()
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal)
    #expect(process.terminationStatus == signal)
    #expect(!workspace.exists("out"))
  }
}
