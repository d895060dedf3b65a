import Safetensors
import SinterTensors
import Testing

@Suite struct SafetensorsHeaderTests {
  @Test func `a small file has these bytes`() throws {
    let header = try SafetensorsHeader(
      layingOut: [
        TensorDeclaration(name: "w", dtype: .float32, shape: [2, 1]),
        TensorDeclaration(name: "\"b\"\n", dtype: .bfloat16, shape: []),
        TensorDeclaration(name: "é", dtype: .uint8, shape: [0]),
      ], file: "model.safetensors")
    let json =
      #"{"__metadata__":{"format":"pt"},"#
      + #""w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"#
      + #""\"b\"\n":{"dtype":"BF16","shape":[],"data_offsets":[8,10]},"#
      + #""é":{"dtype":"U8","shape":[0],"data_offsets":[10,10]}}"# + "      "
    #expect(json.utf8.count == 208)
    #expect(header.encoded() == [208, 0, 0, 0, 0, 0, 0, 0] + Array(json.utf8))
    #expect(header.dataStart == 216)
    #expect(header.dataByteCount == 10)
    #expect(header.fileByteCount == 226)
  }

  @Test func `a file without tensors and metadata is a pair of braces`() throws {
    let header = try SafetensorsHeader(layingOut: [], metadata: nil, file: "f")
    #expect(header.encoded() == [8, 0, 0, 0, 0, 0, 0, 0] + Array("{}      ".utf8))
    #expect(try parse(header.encoded()) == header)
  }

  @Test func `the data of a large file starts at a page`() throws {
    for (count, alignment) in [((1 << 20) - 1, 8), (1 << 20, 4096), (1 << 30, 4096)] {
      for length in [1, 3900, 4000, 4100] {
        let header = try SafetensorsHeader(
          layingOut: [
            TensorDeclaration(
              name: String(repeating: "x", count: length), dtype: .uint8, shape: [count])
          ], file: "f")
        let encoded = header.encoded()
        #expect(header.dataStart == encoded.count)
        #expect(header.dataStart % alignment == 0)
        #expect(encoded.reversed().prefix { $0 == UInt8(ascii: " ") }.count < alignment)
        let again = try SafetensorsHeader(
          parsing: encoded, fileByteCount: header.fileByteCount, file: "f")
        #expect(again == header)
      }
    }
  }

  @Test(arguments: 0..<40) func `random headers come back as they were`(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let declarations = randomDeclarations(using: &generator)
    let metadata: SafetensorsMetadata = ["format": "pt", "seed \u{1}": "\(seed) 😀\\"]
    let header = try SafetensorsHeader(
      layingOut: declarations, metadata: metadata, file: "f")
    let encoded = header.encoded()
    #expect(encoded.count == header.dataStart)
    #expect(encoded.count % 8 == 0)
    let again = try SafetensorsHeader(
      parsing: encoded, fileByteCount: header.fileByteCount, file: "f")
    #expect(again == header)
    #expect(again.tensors.map { $0.declaration } == declarations)
  }

  @Test func `many tensors`() throws {
    let declarations = (0..<3000).map {
      TensorDeclaration(name: "model.layers.\($0).weight", dtype: .bfloat16, shape: [4, $0])
    }
    let header = try SafetensorsHeader(layingOut: declarations, file: "f")
    let again = try SafetensorsHeader(
      parsing: header.encoded(), fileByteCount: header.fileByteCount, file: "f")
    #expect(again == header)
  }

  @Test(
    arguments: [
      ([("a", DType.uint8, Shape([1])), ("a", .uint8, [1])], "tensor 'a': the name comes twice"),
      (
        [("__metadata__", .uint8, [1])],
        "tensor '__metadata__': the format keeps this name for metadata"
      ),
      ([("a", .float4, [1])], "tensor 'a': shape [1] of F4 does not fill whole bytes"),
      (
        [("a", .uint8, [Int.max]), ("b", .uint8, [1])],
        "tensor 'a': shape [9223372036854775807] of U8 has more bytes than 64 bits can count"
      ),
      (
        [("a", .uint8, [1 << 62]), ("b", .uint8, [1 << 62])],
        "tensor 'b': shape [4611686018427387904] of U8 has more bytes than 64 bits can count"
      ),
    ] as [([(String, DType, Shape)], String)])
  func `what cannot be laid out is refused`(
    _ tensors: [(String, DType, Shape)], _ text: String
  ) throws {
    let declarations = tensors.map { TensorDeclaration(name: $0.0, dtype: $0.1, shape: $0.2) }
    let error = try #require(throws: SafetensorsError.self) {
      try SafetensorsHeader(layingOut: declarations, file: "out.safetensors")
    }
    #expect(error.description == "'out.safetensors': \(text)")
  }

  @Test func `elements are found in bytes`() throws {
    let header = try SafetensorsHeader(
      layingOut: [
        TensorDeclaration(name: "h", dtype: .float16, shape: [10]),
        TensorDeclaration(name: "f", dtype: .float4, shape: [10]),
        TensorDeclaration(name: "s", dtype: .float6E3M2, shape: [8]),
      ], file: "f")
    #expect(header.tensors[0].byteRange(ofElements: 3..<10) == 6..<20)
    #expect(header.tensors[1].byteRange(ofElements: 2..<6) == 1..<3)
    #expect(header.tensors[1].byteRange(ofElements: 0..<10) == 0..<5)
    #expect(header.tensors[2].byteRange(ofElements: 4..<8) == 3..<6)
  }
}

/// Tensors of every dtype, among them scalars, empty ones and single elements, odd names.
func randomDeclarations(
  using generator: inout SeededGenerator
) -> [TensorDeclaration] {
  let names = ["weight", "é", "e\u{301}", "名前", "a/b", "", " ", "\"", "\\", "\u{7F}", "😀", "\t"]
  let shapes: [Shape] = [[], [0], [1], [1, 1, 1], [3, 0, 5], [8], [16, 3], [2, 4, 7]]
  return names.shuffled(using: &generator).enumerated().map { position, name in
    let dtype = DType.allCases.randomElement(using: &generator) ?? .uint8
    let isNarrow = dtype.bitWidth < 8
    let shape = (isNarrow ? [[0], [8], [2, 4, 7]] : shapes).randomElement(using: &generator) ?? []
    return TensorDeclaration(name: name, dtype: dtype, shape: shape)
  }
}
