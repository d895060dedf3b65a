import Foundation
import SinterTensors
import Testing

@Suite struct InspectCommandTests {
  let workspace: Workspace

  init() throws {
    workspace = try Workspace()
    try workspace.writeModel("base", seed: 1)
  }

  @Test func `a folder is described`() async throws {
    let run = try await workspace.run("inspect", "base")
    #expect(run.exitCode == 0)
    #expect(run.stderr.isEmpty)
    #expect(
      run.stdout == """
        base
          architecture  LlamaForCausalLM (llama)
          parameters    172 in 6 tensors
          dtypes        F32: 172 in 6 tensors
          output head   tied to the embedding

        weight files
          model.safetensors  1.3 KB

        layers
          model.layers.*  2 layers  4 tensors

        tensors outside layers
          model.embed_tokens.weight  [8, 4]  F32
          model.norm.weight          [4]     F32

        side files
          tokenizer.json  3 bytes

        """)
  }

  @Test func `every tensor is listed`() async throws {
    let run = try await workspace.run("inspect", "--tensors", "base/model.safetensors")
    #expect(run.exitCode == 0)
    #expect(
      run.stdout.contains(
        "  model.layers.1.mlp.up_proj.weight      F32  [16, 4]  256 bytes  model.safetensors\n"))
  }

  @Test func `programs get numbers`() async throws {
    let document = try jsonObject(try await workspace.run("inspect", "base", "--json").stdout)
    #expect(document["schema"] as? String == "sinter/inspect")
    #expect(document["ok"] as? Bool == true)
    #expect(document["parameter_count"] as? Int == 172)
    #expect(document["ties_output_head"] as? Bool == true)
    let stacks = try #require(document["stacks"] as? [[String: Any]])
    #expect(stacks.map { $0["layers"] as? Int } == [2])
    #expect((document["tensors"] as? [Any])?.count == 6)
  }

  @Test func `names cannot steer the terminal`() async throws {
    try workspace.writeTensors([.float32("\u{1B}[2Ja", [1], [0])], to: "hostile.safetensors")
    let run = try await workspace.run("inspect", "hostile.safetensors")
    #expect(run.exitCode == 0)
    #expect(!run.stdout.contains("\u{1B}"))
    #expect(run.stdout.contains(#"\u{1b}[2Ja"#))
  }

  @Test func `a model that is not there is not found`() async throws {
    let run = try await workspace.run("inspect", "nowhere")
    #expect(run.exitCode == 66)
    #expect(run.stdout.isEmpty)
    #expect(run.stderr.hasPrefix("nowhere: error: "))
  }

  @Test func `a truncated file is invalid`() async throws {
    let bytes = try workspace.bytes("base/model.safetensors")
    try bytes.dropLast(5).write(to: workspace.url("cut.safetensors"))
    let run = try await workspace.run("inspect", "cut.safetensors")
    #expect(run.exitCode == 65)
    #expect(run.stderr.hasPrefix("cut.safetensors: error: "))
  }
}
