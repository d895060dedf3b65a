import Foundation
import Safetensors
import SinterTensors
import Testing

@testable import Sinter

@Suite struct StoredTensorNumbersTests {
  private let folder: TemporaryFolder
  private static let count = 20_000

  init() throws {
    folder = try TemporaryFolder()
  }

  private func source(_ values: [Int: Double]) throws -> StoredTensor {
    let all = (0..<Self.count).map { values[$0] ?? 0 }
    let path = folder.appending("f.safetensors")
    try TestTensor.write([TestTensor("t", .float32, [Self.count], all)], to: path)
    let file = try SafetensorsFile(path: path)
    let tensor = CheckpointTensor(file.tensors[0], file: 0, dataStart: file.header.dataStart)
    return StoredTensor(file: file.input, tensor: tensor)
  }

  @Test(arguments: [0, 8191, 8192, 16_384, 19_999])
  func `a tensor with one number is not zero`(place: Int) throws {
    #expect(try !source([place: 1e-40]).isZero())
    #expect(try !source([place: .nan]).isZero())
    #expect(try source([place: -0.0]).isZero())
  }

  @Test func `nothing is read behind the first number`() throws {
    let source = try source([5: 1])
    // Behind the first piece the file ends.
    let handle = try #require(FileHandle(forUpdatingAtPath: folder.appending("f.safetensors")))
    try handle.truncate(atOffset: UInt64(source.tensor.bytes.lowerBound + 4 * 8192))
    try handle.close()
    #expect(try !source.isZero())
    #expect(throws: SafetensorsError.self) { try source.numbers(as: Float.self) }
  }

  @Test func `ranges are read as they are`() throws {
    let source = try source([3: 1, 8192: 2, 19_999: 3])
    #expect(try source.numbers(3..<4, as: Double.self) == [1])
    #expect(try source.numbers(8191..<8193, as: Float.self) == [0, 2])
    let all = try source.numbers(as: Double.self)
    #expect(all.count == Self.count && all.reduce(0, +) == 6 && all[19_999] == 3)
  }
}
