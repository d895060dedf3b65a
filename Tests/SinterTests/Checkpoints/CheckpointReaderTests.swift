import Foundation
import Safetensors
import SinterTensors
import Testing

@testable import Sinter

@Suite struct CheckpointReaderTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("", to: "m/.keep")
  }

  private func tensor(_ name: String) -> TestTensor { TestTensor(name, .float32, [2], [1, 2]) }

  private func weights(_ file: String, _ names: String...) throws {
    try TestTensor.write(names.map { tensor($0) }, to: folder.appending("m/" + file))
  }

  private func index(_ map: [String: String], _ file: String = "model.safetensors.index.json")
    throws
  {
    let list = map.sorted { $0.key < $1.key }.map { "\"\($0)\": \"\($1)\"" }
      .joined(separator: ", ")
    try folder.write(
      #"{"metadata": {"total_size": 16}, "weight_map": {\#(list)}}"#, to: "m/" + file)
  }

  private func open(_ name: String = "m") throws -> Checkpoint {
    try CheckpointReader.open(folder.appending(name))
  }

  private func faults(_ name: String = "m") -> [String] {
    do {
      return ["opened: \(try open(name).tensors.map(\.name))"]
    } catch let error as DiagnosticError {
      return error.diagnostics.map {
        $0.description.replacingOccurrences(of: folder.path + "/", with: "")
      }
    } catch {
      return ["\(error)"]
    }
  }

  private func remarks() throws -> [String] {
    try open().remarks.map {
      $0.description.replacingOccurrences(of: folder.path + "/", with: "")
    }
  }

  // MARK: - Forms of checkpoints

  @Test func `a folder with model.safetensors`() throws {
    try weights("model.safetensors", "a", "b")
    let checkpoint = try open()
    #expect(checkpoint.tensors.map(\.name) == ["a", "b"])
    #expect(checkpoint.parameterCount == 4)
    #expect(checkpoint.configuration == nil)
    #expect(checkpoint.tensor("b")?.shape == [2])
    #expect(checkpoint.tensor("c") == nil)
    #expect(checkpoint.remarks.isEmpty)
  }

  @Test func `one safetensors file of another name, or its path`() throws {
    try weights("anything.safetensors", "a")
    #expect(try open().tensors.map(\.name) == ["a"])
    let single = try open("m/anything.safetensors")
    #expect(single.tensors.map(\.name) == ["a"])
    #expect(single.sideFiles.isEmpty)
  }

  @Test func `shards in the order of the index`() throws {
    try weights("model-00001-of-00002.safetensors", "b")
    try weights("model-00002-of-00002.safetensors", "a")
    try index([
      "a": "model-00002-of-00002.safetensors", "b": "model-00001-of-00002.safetensors",
    ])
    #expect(Set(try open().tensors.map(\.name)) == ["a", "b"])
    #expect(try open().files.count == 2)
    #expect(try remarks().isEmpty)
  }

  @Test func `a variant beside the standard file is not read`() throws {
    try weights("model.safetensors", "a")
    try weights("model.fp16-00001-of-00001.safetensors", "b")
    try index(["b": "model.fp16-00001-of-00001.safetensors"], "model.safetensors.index.fp16.json")
    try index(["b": "model.fp16-00001-of-00001.safetensors"], "model.fp16.safetensors.index.json")
    #expect(try open().tensors.map(\.name) == ["a"])
    #expect(
      try remarks() == [
        "m: warning: the folder also holds 'model.fp16-00001-of-00001.safetensors', which is no "
          + "part of 'model.safetensors'; not read"
      ])
  }

  // MARK: - Stale files

  @Test func `only files that the index names are read`() throws {
    try weights("model-00001-of-00001.safetensors", "a")
    try weights("model-00001-of-00003.safetensors", "a", "old")
    try weights("model-00002-of-00003.safetensors", "older")
    try weights("model.safetensors", "oldest")
    try index(["a": "model-00001-of-00001.safetensors"])
    #expect(try open().tensors.map(\.name) == ["a"])
    #expect(
      try remarks() == [
        "m/model.safetensors.index.json: warning: the folder also holds "
          + "'model-00001-of-00003.safetensors' and 2 more, which the index does not name; not read"
      ])
  }

  @Test func `tensors that the index does not name are told`() throws {
    try weights("x.safetensors", "a", "stray", "astray")
    try index(["a": "x.safetensors"])
    #expect(try open().tensors.map(\.name) == ["a"])
    #expect(
      try remarks() == [
        "m/x.safetensors: warning: 2 tensors are not read: the index does not name them"
      ])
  }

  @Test func `a missing shard and a missing tensor are errors`() throws {
    try weights("x.safetensors", "a")
    try index(["a": "x.safetensors", "b": "y.safetensors"])
    #expect(faults().count == 1)
    #expect(faults().first?.hasPrefix("m/y.safetensors: error: ") == true)
    try index(["a": "x.safetensors", "b": "x.safetensors", "c": "x.safetensors"])
    #expect(
      faults()
        == ["b", "c"].map {
          """
          m/x.safetensors: error: tensor '\($0)' is missing, though the index names it
          hint: download the checkpoint again
          """
        })
  }

  // MARK: - No checkpoints

  @Test func `folders that hold no weights say what they hold`() throws {
    #expect(
      faults() == [
        """
        m: error: no weights found: neither 'model.safetensors' nor 'model.safetensors.index.json'
        hint: name the folder that holds the safetensors files
        """
      ])
    try folder.write("", to: "m/x.gguf")
    #expect(
      faults() == [
        """
        m: error: the weights are in GGUF ('x.gguf'), which is not supported
        hint: use the safetensors release of the model
        """
      ])
    try folder.write("", to: "m/pytorch_model.bin")
    #expect(
      faults() == [
        """
        m: error: the weights are a PyTorch pickle ('pytorch_model.bin'), which is not supported yet
        hint: save the model as safetensors
        """
      ])
    try folder.write("{}", to: "m/adapter_config.json")
    try weights("adapter_model.safetensors", "a")
    #expect(
      faults() == [
        """
        m: error: this is a LoRA adapter, not a model
        hint: name its base with it: 'BASE+m'
        """
      ])
  }

  @Test func `several files without an index are an error`() throws {
    try weights("a.safetensors", "a")
    try weights("b.safetensors", "b")
    #expect(
      faults() == [
        """
        m: error: 2 safetensors files, but no index that says which of them are the model
        hint: name one of the files, or add 'model.safetensors.index.json'
        """
      ])
  }

  @Test func `a pickle beside safetensors is passed over`() throws {
    try weights("model.safetensors", "a")
    try folder.write("", to: "m/pytorch_model.bin")
    #expect(try open().tensors.map(\.name) == ["a"])
  }

  // MARK: - Side files

  @Test func `small files go along, weights and what tells of another model do not`() throws {
    try weights("model.safetensors", "a")
    let kept = [
      "tokenizer.json", "tokenizer.model", "generation_config.json", "chat_template.jinja",
      "merges.txt", "modeling_x.py", "LICENSE", "preprocessor_config.json",
    ]
    let left = [
      "README.md", "readme.txt", "training_args.bin", "optimizer.pt", "x.gguf", "rust_model.ot",
      "pytorch_model.bin.index.json", "config.json", ".gitattributes", "adapter_config.json",
      "mergekit_config.yml", "sinter_manifest.json", "sub/vocab.txt",
    ]
    for name in kept + left { try folder.write("{}", to: "m/" + name) }
    #expect(
      try open().sideFiles.map(\.name) == kept.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    )
    #expect(try open().sideFiles.allSatisfy { $0.byteCount == 2 })
  }

  @Test func `a configuration that is no object is an error`() throws {
    try weights("model.safetensors", "a")
    try folder.write("[]", to: "m/config.json")
    #expect(faults() == ["m/config.json: error: the configuration is not a JSON object"])
  }
}
