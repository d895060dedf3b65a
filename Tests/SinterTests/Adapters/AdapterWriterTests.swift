import Foundation
import Safetensors
import SinterTensors
import Testing

@testable import Sinter

@Suite struct AdapterWriterTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func writer(overwrites: Bool = false) throws -> AdapterWriter {
    try AdapterWriter(
      path: folder.appending("out"), overwrites: overwrites, inputPaths: [], byteCount: 1000)
  }

  @Test func `Tensors come in the order of the end, however they were put aside`() throws {
    let writer = try writer()
    let numbers = (0..<70_000).map { Float($0) }
    let late = try writer.store(numbers, as: .float32)
    let early = try writer.store([1.0, 1.003, -2] as [Double], as: .bfloat16)
    let (remarks, byteCount) = try writer.finish(
      [
        AdapterWriter.Tensor("early", .bfloat16, [3], .scratch(early)),
        AdapterWriter.Tensor("late", .float32, [700, 100], .scratch(late)),
      ], files: [("adapter_config.json", Array("{}".utf8))])
    #expect(remarks.isEmpty)
    #expect(try folder.names() == ["out"])
    #expect(try folder.names("out") == ["adapter_config.json", "adapter_model.safetensors"])
    #expect(try folder.bytes("out/adapter_model.safetensors").count == byteCount)
    let tensors = try TestTensor.read(folder.appending("out/adapter_model.safetensors"))
    #expect(tensors.map(\.name) == ["early", "late"])
    #expect(tensors[0].values == [1, 1, -2])
    #expect(tensors[1].values == numbers.map { Double($0) })
  }

  @Test func `Tensors of checkpoints are copied byte for byte`() throws {
    let source = TestTensor("n", .float16, [5], seed: 1)
    try TestTensor.write(
      [TestTensor("first", .float32, [3], seed: 2), source],
      to: folder.appending("model.safetensors"))
    let checkpoint = try CheckpointReader.open(folder.appending("model.safetensors"))
    let tensor = try #require(checkpoint.tensor("n"))
    let writer = try writer()
    _ = try writer.finish(
      [
        AdapterWriter.Tensor(
          "copy", tensor.dtype, tensor.shape, .stored(checkpoint.files[0].input, tensor))
      ], files: [])
    let tensors = try TestTensor.read(folder.appending("out/adapter_model.safetensors"))
    #expect(tensors.map(\.values) == [source.values])
  }

  @Test func `Numbers that do not fit are refused`() throws {
    let writer = try writer()
    #expect(throws: AdapterWriter.Overflow.self) {
      try writer.store([1e6] as [Float], as: .float16)
    }
    #expect(throws: AdapterWriter.Overflow.self) { try writer.store([Float.nan], as: .float32) }
    writer.discard()
    #expect(try folder.names().isEmpty)
  }

  @Test func `Pieces that were put aside follow one another, filled up with zeros`() throws {
    let writer = try writer()
    let pieces = try [[1, 2, 3], [], [4]].map { try writer.store($0 as [Float], as: .bfloat16) }
    _ = try writer.finish(
      [AdapterWriter.Tensor("t", .bfloat16, [3, 3], .stacked(pieces, byteCount: 6))], files: [])
    let tensors = try TestTensor.read(folder.appending("out/adapter_model.safetensors"))
    #expect(tensors[0].values == [1, 2, 3, 0, 0, 0, 4, 0, 0])
  }
}
