import Safetensors
import SinterTensors
import Testing

@testable import Sinter

@Suite struct ShardLayoutTests {
  private func declared(_ list: [(DType, Shape)]) -> [TensorDeclaration] {
    list.enumerated().map { TensorDeclaration(name: "t\($0)", dtype: $1.0, shape: $1.1) }
  }

  private func files(_ layout: ShardLayout) -> [[String]] {
    layout.shards.map { $0.header.tensors.map(\.name) }
  }

  @Test func `a file ends before the tensor that would bring it above the limit`() throws {
    let tensors = declared(Array(repeating: (.float32, [10]), count: 5))
    #expect(
      files(try ShardLayout(tensors, limit: 80)) == [["t0", "t1"], ["t2", "t3"], ["t4"]])
    #expect(files(try ShardLayout(tensors, limit: 79)).map(\.count) == [1, 1, 1, 1, 1])
    #expect(files(try ShardLayout(tensors, limit: 200)).map(\.count) == [5])
    #expect(files(try ShardLayout(tensors, limit: 199)).map(\.count) == [4, 1])
  }

  @Test func `a tensor above the limit has a file of its own`() throws {
    let tensors = declared([(.int8, [3]), (.int8, [50]), (.int8, [3]), (.int8, [0])])
    #expect(files(try ShardLayout(tensors, limit: 10)) == [["t0"], ["t1"], ["t2", "t3"]])
    #expect(files(try ShardLayout(tensors, limit: 1)).map(\.count) == [1, 1, 2])
  }

  @Test func `files are named as the hub's libraries expect`() throws {
    #expect(ShardLayout.fileName(0, of: 1) == "model.safetensors")
    #expect(ShardLayout.fileName(0, of: 2) == "model-00001-of-00002.safetensors")
    #expect(ShardLayout.fileName(99_999, of: 123_456) == "model-100000-of-123456.safetensors")
    let layout = try ShardLayout(declared([(.int8, [4]), (.int8, [4])]), limit: 4)
    #expect(
      layout.shards.map(\.fileName) == [
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
      ])
  }

  @Test func `all elements are aligned, whatever the types`() throws {
    let types = DType.allCases.filter { $0.bitWidth >= 8 }
    var tensors: [(DType, Shape)] = []
    for length in [0, 1, 3, 7] { for type in types { tensors.append((type, [length])) } }
    for type in types { tensors.append((type, [])) }
    for limit in [1, 20, 64, 10_000] {
      let layout = try ShardLayout(declared(tensors), limit: limit)
      for (index, place) in layout.places.enumerated() {
        let (type, shape) = tensors[index]
        #expect(place.bytes.count == shape.elementCount * type.bitWidth / 8)
        #expect(place.bytes.lowerBound % (type.bitWidth / 8) == 0)
        let shard = layout.shards[place.shard]
        #expect(place.bytes.upperBound <= shard.byteCount)
        #expect(shard.header.tensors.contains { $0.name == "t\(index)" })
      }
      // No byte is left out and none is given twice.
      for (shard, file) in layout.shards.enumerated() {
        let places = layout.places.filter { $0.shard == shard }
        #expect(places.reduce(file.header.dataStart) { $0 + $1.bytes.count } == file.byteCount)
      }
    }
  }

  @Test func `tensors of one type keep their order`() throws {
    let layout = try ShardLayout(
      declared([(.bfloat16, [2]), (.float32, []), (.bfloat16, []), (.float32, [2])]), limit: 100)
    #expect(files(layout) == [["t1", "t3", "t0", "t2"]])
  }

  @Test func `no tensors make one file`() throws {
    let layout = try ShardLayout([], limit: 10)
    #expect(layout.shards.map(\.fileName) == ["model.safetensors"])
    #expect(layout.places.isEmpty)
  }
}
