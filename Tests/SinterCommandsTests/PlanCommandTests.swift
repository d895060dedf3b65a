import Foundation
import Testing

@Suite struct PlanCommandTests {
  let workspace: Workspace

  init() throws {
    workspace = try Workspace()
    try workspace.writeModels()
  }

  @Test func `the plan is a table`() async throws {
    let run = try await workspace.run("plan", "ties.yml", "--threads", "1")
    #expect(run.exitCode == 0)
    #expect(run.stderr.isEmpty)
    let hash = try #require(run.stdout.firstMatch(of: /sha256:[0-9a-f]{64}/)?.output)
    let memory = try #require(run.stdout.firstMatch(of: /[0-9.]+ MB at most/)?.output)
    #expect(
      run.stdout.replacing(hash, with: "HASH").replacing(memory, with: "MEMORY") == """
        ties: keeps the largest differences that agree in sign
          normalize true, rescale false, lambda 1, int8_mask false, semantics mergekit, seed 0

        models
          base  base   172 parameters  F32  LlamaForCausalLM  gives names and configuration
          math  model  172 parameters  F32  LlamaForCausalLM
          code  model  172 parameters  F32  LlamaForCausalLM

        tensors
          model.embed_tokens.weight              x1  [8, 4]   F32  ties  weight 1, 0.5  \
        density 0.25, 0.5
          model.layers.*.input_layernorm.weight  x2  [4]      F32  ties  weight 1, 0.5  \
        density 0.25…0.75, 0.5
          model.layers.*.mlp.up_proj.weight      x2  [16, 4]  F32  ties  weight 1, 0.5  \
        density 0.25…0.75, 0.5
          model.norm.weight                      x1  [4]      F32  ties  weight 1, 0.5  \
        density 0.25, 0.5

        totals
          tensors    6 (172 parameters): 6 merged, 0 copied
          read       2.1 KB in one pass
          write      1.3 KB in 1 weight file
                     model.safetensors 1.3 KB
          copy       1 side file
          memory     MEMORY, with 1 worker
          ledger     base: 6 merged
                     math: 6 merged
                     code: 6 merged
          plan hash  HASH

        """)
  }

  @Test func `with --all every tensor has a line`() async throws {
    let run = try await workspace.run("plan", "ties.yml", "--all")
    for layer in 0..<2 {
      #expect(run.stdout.contains("  model.layers.\(layer).mlp.up_proj.weight      x1  [16, 4]"))
    }
    #expect(!run.stdout.contains("*"))
  }

  @Test func `slices show where layers come from and what is left out`() async throws {
    try workspace.write(
      """
      merge_method: passthrough
      slices:
        - sources: [{model: base, layer_range: [0, 2]}]
        - sources: [{model: math, layer_range: [1, 2]}]
      """, to: "stack.yml")
    let run = try await workspace.run("plan", "stack.yml")
    #expect(run.exitCode == 0)
    let lines = run.stdout.split(separator: "\n").map(String.init)
    #expect(
      lines.contains(
        "  model.layers.*.mlp.up_proj.weight      x2  [16, 4]  F32  copied from base"))
    #expect(
      lines.contains(
        "  model.layers.2.mlp.up_proj.weight      x1  [16, 4]  F32  copied from math layer 1"))
    #expect(
      lines.contains(
        "  math  model.layers.0.mlp.up_proj.weight      x1  [16, 4]  F32  its layer is in no slice")
    )
    #expect(lines.contains { $0.hasSuffix("math: 3 copied, 3 excluded") })
  }

  @Test func `a report that cannot be written is an error`() async throws {
    for arguments in [["plan", "ties.yml"], ["plan", "ties.yml", "--json"], ["--help"]] {
      let run = try await workspace.run(
        arguments, output: FileHandle(forReadingFrom: workspace.url("ties.yml")))
      #expect(run.exitCode == 74)
      #expect(run.stderr == "error: cannot write standard output\n")
    }
  }

  @Test func `shards are listed with their sizes`() async throws {
    let run = try await workspace.run("plan", "ties.yml", "--shard-size", "300")
    #expect(run.stdout.contains("in 3 weight files\n"))
    #expect(run.stdout.contains("  model-00003-of-00003.safetensors "))
  }

  @Test func `programs get every tensor`() async throws {
    let run = try await workspace.run(
      "plan", "ties.yml", "--json", "--seed", "18446744073709551615")
    #expect(run.exitCode == 0)
    #expect(run.stderr.isEmpty)
    #expect(run.stdout.contains("\"seed\": 18446744073709551615,"))
    let document = try jsonObject(run.stdout)
    #expect(document["schema"] as? String == "sinter/plan")
    #expect(document["schema_version"] as? Int == 1)
    #expect(document["ok"] as? Bool == true)
    let tensors = try #require(document["tensors"] as? [[String: Any]])
    #expect(tensors.count == 6)
    let layer = try #require(
      tensors.first { $0["name"] as? String == "model.layers.1.mlp.up_proj.weight" })
    #expect(layer["operation"] as? String == "merge")
    #expect(layer["shape"] as? [Int] == [16, 4])
    #expect(layer["file"] as? String == "model.safetensors")
    let sources = try #require(layer["sources"] as? [[String: Any]])
    #expect(sources.map { $0["model"] as? Int } == [0, 1, 2])
    #expect((sources[1]["parameters"] as? [String: Any])?["density"] as? Double == 0.75)
    #expect((layer["parameters"] as? [String: Any])?["normalize"] as? Bool == true)
    let ledger = try #require(document["ledger"] as? [[String: Any]])
    #expect(ledger.map { $0["merged"] as? Int } == [6, 6, 6])
  }

  @Test func `standard input is a recipe`() async throws {
    let run = try await workspace.run("plan", "-", input: Recipes.ties)
    #expect(run.exitCode == 0)
    let typo = Recipes.ties.replacing("ties", with: "tiess")
    let bad = try await workspace.run("plan", "-", input: typo)
    #expect(bad.exitCode == 65)
    #expect(bad.stderr.hasPrefix("<stdin>:1:15: error: unknown method 'tiess'\n"))
  }

  @Test func `all faults of a recipe are told at once`() async throws {
    try workspace.write(
      """
      merge_method: ties
      base_model: base
      models:
        - model: math
          parameters: {weight: 1, densty: 0.5}
        - model: code
          parameters: {weight: 1, density: 1.5}
      """, to: "bad.yml")
    let run = try await workspace.run("plan", "bad.yml")
    #expect(run.exitCode == 65)
    #expect(run.stdout.isEmpty)
    #expect(
      run.stderr == """
        bad.yml:5:29: error: unknown parameter 'densty' for method 'ties'
        hint: did you mean 'density'?
        bad.yml:7:38: error: 'density' must be from 0 to 1, found '1.5'
        2 errors

        """)
  }

  @Test func `a recipe that is none is refused`() async throws {
    let folder = try await workspace.run("plan", "base")
    #expect(folder.exitCode == 65)
    #expect(
      folder.stderr
        == "base: error: this is a folder, not a recipe\nhint: name the YAML file\n")
    try Data([0x61, 0xFF]).write(to: workspace.url("bytes.yml"))
    let bytes = try await workspace.run("plan", "bytes.yml")
    #expect(bytes.exitCode == 65)
    #expect(bytes.stderr == "bytes.yml: error: the recipe is not UTF-8 text\n")
  }
}
