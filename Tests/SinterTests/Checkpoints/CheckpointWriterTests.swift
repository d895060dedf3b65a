import Foundation
import Safetensors
import Testing

@testable import Sinter

@Suite struct CheckpointWriterTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func writer(
    _ name: String = "out", overwrites: Bool = false, inputs: [String] = [], byteCount: Int = 10
  ) throws(DiagnosticError) -> CheckpointWriter {
    try CheckpointWriter(
      path: folder.appending(name), overwrites: overwrites,
      inputPaths: inputs.map { folder.appending($0) }, byteCount: byteCount)
  }

  private func message(_ body: () throws -> Void) -> String? {
    let error = #expect(throws: DiagnosticError.self) { try body() }
    #expect(error?.kind == .output)
    return error?.diagnostics.first?.message
  }

  /// An output of a merge.
  private func old(_ name: String = "out") throws {
    try folder.write("{}", to: "\(name)/sinter_manifest.json")
    try folder.write("old", to: "\(name)/model.safetensors")
  }

  @Test func `the folder has its name only when it is finished`() throws {
    let writer = try writer("some/where/out")
    #expect(writer.name == "out")
    try writer.write(Array("text".utf8), to: "a.txt")
    #expect(try folder.names("some/where") == ["out.partial"])
    #expect(try writer.finish().isEmpty)
    #expect(try folder.names("some/where") == ["out"])
    #expect(try folder.names("some/where/out") == ["a.txt"])
  }

  @Test func `what is discarded is gone`() throws {
    let writer = try writer()
    try writer.write([1], to: "a.txt")
    writer.discard()
    #expect(try folder.names() == [])
  }

  @Test func `side files are copied byte for byte and nothing is written twice`() throws {
    let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try Data(bytes).write(to: URL(fileURLWithPath: folder.appending("tokenizer.json")))
    let writer = try writer()
    try writer.copy("tokenizer.json", from: folder.path)
    #expect(throws: SafetensorsError.self) { try writer.write([1], to: "tokenizer.json") }
    _ = try writer.finish()
    #expect(try folder.bytes("out/tokenizer.json") == bytes)
  }

  @Test func `files get ordinary permissions`() throws {
    #expect(FileManager.default.createFile(atPath: folder.appending("plain"), contents: Data()))
    let writer = try writer()
    try writer.write([1], to: "a.txt")
    _ = try writer.finish()
    func permissions(_ name: String) throws -> Int? {
      let found = try FileManager.default.attributesOfItem(atPath: folder.appending(name))
      return (found[.posixPermissions] as? NSNumber)?.intValue
    }
    #expect(try permissions("out/a.txt") == permissions("plain"))
  }

  // MARK: What is there already

  @Test func `an output that exists is refused`() throws {
    try old()
    #expect(message { _ = try writer() } == "the output exists already")
    #expect(try folder.names() == ["out"])
  }

  @Test func `only the output of a merge is overwritten`() throws {
    try folder.write("precious", to: "out/thesis.txt")
    #expect(
      message { _ = try writer(overwrites: true) }
        == "the folder is not the output of a merge and is not overwritten")
    try folder.write("file", to: "file")
    #expect(
      message { _ = try writer("file", overwrites: true) }
        == "the output exists and is not a folder")
    #expect(try folder.text("out/thesis.txt") == "precious")
    #expect(try folder.text("file") == "file")
  }

  @Test(arguments: ["sinter_manifest.json", "mergekit_config.yml", nil])
  func `an old output stays until the new one is complete`(sign: String?) throws {
    try FileManager.default.createDirectory(
      atPath: folder.appending("out"), withIntermediateDirectories: false)
    if let sign { try folder.write("old", to: "out/\(sign)") }
    let before = try folder.names("out")
    let writer = try writer(overwrites: true)
    try writer.write([1], to: "new.txt")
    #expect(try folder.names("out") == before)
    #expect(try writer.finish().isEmpty)
    #expect(try folder.names() == ["out"])
    #expect(try folder.names("out") == ["new.txt"])
  }

  @Test func `an output behind a link is replaced where it lies`() throws {
    try old("real")
    try FileManager.default.createSymbolicLink(
      atPath: folder.appending("link"), withDestinationPath: folder.appending("real"))
    let writer = try writer("link", overwrites: true)
    try writer.write([1], to: "new.txt")
    #expect(try writer.finish().isEmpty)
    #expect(try folder.names() == ["link", "real"])
    #expect(try folder.names("link") == ["new.txt"])
  }

  // MARK: Inputs

  @Test(arguments: [
    ("model", "model"), ("model/out", "model"), ("parent", "parent/model"), ("a", "a.partial"),
    ("a", "a.replaced"), ("x/../model", "model"), ("link", "model"), ("link/out", "model"),
    ("parent", "parent/model/weights.safetensors"),
  ])
  func `inputs are never touched`(output: String, input: String) throws {
    try old(input.hasSuffix("s") && input.contains("weights") ? "parent/model" : input)
    if input.contains("weights") { try folder.write("w", to: input) }
    if output.hasPrefix("link") {
      try FileManager.default.createSymbolicLink(
        atPath: folder.appending("link"), withDestinationPath: folder.appending("model"))
    }
    try folder.write("{}", to: "parent/sinter_manifest.json")
    let error = #expect(throws: DiagnosticError.self) {
      try writer(output, overwrites: true, inputs: [input])
    }
    #expect(error?.kind == .output)
    #expect(error?.diagnostics.first?.message.contains("the input '") == true)
    #expect(folder.exists(input))
  }

  @Test func `a folder beside an input is none of its business`() throws {
    try old("model")
    let writer = try writer("model-merged", inputs: ["model"])
    _ = try writer.finish()
    #expect(try folder.names() == ["model", "model-merged"])
  }

  @Test(arguments: ["/", ".", "..", "../..", ""])
  func `an output needs a name`(path: String) {
    #expect(
      message {
        _ = try CheckpointWriter(path: path, overwrites: true, inputPaths: [], byteCount: 0)
      } == "an output folder needs a name of its own")
  }

  // MARK: What runs left behind

  @Test func `what a crashed run left is taken over`() throws {
    try folder.write("", to: "out.partial/.sinter-lock")
    try folder.write("half", to: "out.partial/model.safetensors")
    let writer = try writer()
    try writer.write([1], to: "new.txt")
    _ = try writer.finish()
    #expect(try folder.names() == ["out"])
    #expect(try folder.names("out") == ["new.txt"])
  }

  @Test func `a partial folder of somebody else is refused`() throws {
    try folder.write("precious", to: "out.partial/thesis.txt")
    #expect(
      message { _ = try writer() }
        == "this is where the output is built, and it was not made by a merge")
    #expect(try folder.text("out.partial/thesis.txt") == "precious")
  }

  @Test func `one run at a time builds an output`() throws {
    let first = try writer()
    try first.write([1], to: "a.txt")
    #expect(message { _ = try writer() } == "another process is writing here")
    #expect(try folder.names("out.partial").contains("a.txt"))
    first.discard()
    try writer().discard()
    #expect(try folder.names() == [])
  }

  @Test func `a crash between the renames is made good`() throws {
    // As it stands then: the old output aside, the new one complete but without its name.
    try old("out.replaced")
    try folder.write("", to: "out.replaced/.sinter-lock")
    try folder.write("new", to: "out.partial/model.safetensors")
    try folder.write("", to: "out.partial/.sinter-lock")
    #expect(message { _ = try writer() } == "the output exists already")
    #expect(try folder.names("out") == ["model.safetensors", "sinter_manifest.json"])
    let next = try writer(overwrites: true)
    try next.write([1], to: "new.txt")
    _ = try next.finish()
    #expect(try folder.names() == ["out"])
    #expect(try folder.names("out") == ["new.txt"])
  }

  @Test func `a crash before the old output was removed is made good`() throws {
    try old("out.replaced")
    try folder.write("", to: "out.replaced/.sinter-lock")
    try old("out")
    #expect(message { _ = try writer() } == "the output exists already")
    #expect(try folder.names() == ["out"])
  }

  @Test func `a folder of somebody else is not put in the way of the old output`() throws {
    try old()
    try folder.write("precious", to: "out.replaced/thesis.txt")
    #expect(
      message { _ = try writer(overwrites: true) }
        == "this is where the old output is kept for a moment, and something is there")
    #expect(try folder.text("out.replaced/thesis.txt") == "precious")
  }

  @Test func `an output that appeared meanwhile is not overwritten`() throws {
    let writer = try writer()
    try old()
    #expect(throws: SafetensorsError.self) { try writer.finish() }
    writer.discard()
    #expect(try folder.names() == ["out"])
    #expect(try folder.text("out/model.safetensors") == "old")
  }

  @Test func `a disk without room is found before anything is written`() throws {
    let error = #expect(throws: DiagnosticError.self) {
      try writer(byteCount: Int.max)
    }
    #expect(error?.kind == .inputOutput)
    #expect(error?.diagnostics.first?.message.hasPrefix("the output needs ") == true)
    #expect(try folder.names() == [])
  }
}
