import Safetensors
import SinterTensors
import Testing

@Suite struct SafetensorsWriterTests {
  private let pair = [
    TensorDeclaration(name: "a", dtype: .float32, shape: [2]),
    TensorDeclaration(name: "b", dtype: .uint8, shape: []),
  ]

  @Test func `a finished file has these bytes and no other file is left`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/model.safetensors"
      var writer = try SafetensorsWriter.create(at: path, tensors: pair)
      #expect(try names(in: folder) == ["model.safetensors.partial"])
      try writer.write(([1, -2] as [Float]).span, tensor: 0)
      // SAFETY: bytes have no padding.
      try writer.write(unsafe ([7] as [UInt8]).span.bytes, tensor: 1)
      try writer.finish()
      #expect(try names(in: folder) == ["model.safetensors"])
      let json =
        #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
        + #""b":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}"#
      #expect(
        try FileItem.read(path, limit: 1000)
          == fileBytes(json) + [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 7])
    }
  }

  @Test(arguments: 0..<20) func `random checkpoints come back as they were`(_ seed: UInt64) throws {
    try withTemporaryFolder { folder in
      var generator = SeededGenerator(seed: seed)
      let declarations = randomDeclarations(using: &generator)
      let path = folder + "/é.safetensors"
      var writer = try SafetensorsWriter.create(at: path, tensors: declarations, metadata: nil)
      let data = writer.header.tensors.map { tensor in
        (0..<tensor.byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
      }
      // In pieces, in any order: the layout is fixed beforehand.
      var pieces: [(tensor: Int, range: Range<Int>)] = []
      for (index, bytes) in data.enumerated() {
        let cut = Int.random(in: 0...bytes.count, using: &generator)
        pieces += [(index, 0..<cut), (index, cut..<bytes.count)]
      }
      for piece in pieces.shuffled(using: &generator) {
        let bytes = Array(data[piece.tensor][piece.range])
        try writer.write(bytes.span, tensor: piece.tensor, at: piece.range.lowerBound)
      }
      try writer.finish()
      let file = try SafetensorsFile(path: path)
      #expect(file.tensors.map { $0.declaration } == declarations)
      #expect(file.metadata == nil)
      for (declaration, bytes) in zip(declarations, data) {
        let tensor = try #require(file.tensor(named: declaration.name))
        #expect(try file.bytes(of: tensor) == bytes)
      }
    }
  }

  @Test func `a writer that is dropped leaves nothing`() throws {
    try withTemporaryFolder { folder in
      do {
        var writer = try SafetensorsWriter.create(at: folder + "/m", tensors: pair)
        try writer.write(([7] as [UInt8]).span, tensor: 1)
      }
      #expect(try names(in: folder) == [])
    }
  }

  @Test(
    arguments: [
      ([], "byte 0"), ([0..<4], "byte 4"), ([4..<8], "byte 0"), ([0..<3, 4..<8], "byte 3"),
      ([5..<8, 0..<5, 1..<2], nil), ([0..<8], nil), ([6..<8, 2..<4, 0..<3, 3..<7], nil),
    ] as [([Range<Int>], String?)])
  func `bytes that were not written are found`(_ ranges: [Range<Int>], _ gap: String?) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/m"
      var writer = try SafetensorsWriter.create(at: path, tensors: pair)
      try writer.write(([7] as [UInt8]).span, tensor: 1)
      for range in ranges {
        let bytes = [UInt8](repeating: 1, count: range.count)
        try writer.write(bytes.span, tensor: 0, at: range.lowerBound)
      }
      guard let gap else {
        try writer.finish()
        #expect(try names(in: folder) == ["m"])
        return
      }
      do throws(SafetensorsError) {
        try writer.finish()
        Issue.record("finished in spite of the gap")
      } catch {
        #expect(error.code == .incomplete)
        #expect(
          error.description == "'\(path)': tensor 'a': the file was finished, but of the tensor's "
            + "8 bytes those from \(gap) were not written")
      }
      #expect(try names(in: folder) == [])
    }
  }

  @Test func `an existing file is kept, unless it is to be replaced`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/m"
      try FileItem.write([1], to: path)
      do throws(SafetensorsError) {
        _ = try SafetensorsWriter.create(at: path, tensors: pair)
        Issue.record("created in spite of the file")
      } catch {
        #expect(error.description == "'\(path)': the file exists already")
      }
      #expect(try FileItem.read(path, limit: 1) == [1])
      let writer = try SafetensorsWriter.create(at: path, tensors: [], existing: .replace)
      #expect(try FileItem.read(path, limit: 1) == [1])
      try writer.finish()
      #expect(try SafetensorsFile(path: path).metadata == ["format": "pt"])
      #expect(try names(in: folder) == ["m"])
    }
  }

  @Test func `a file that appears meanwhile is not overwritten`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/m"
      let writer = try SafetensorsWriter.create(at: path, tensors: [])
      try FileItem.write([1], to: path)
      do throws(SafetensorsError) {
        try writer.finish()
        Issue.record("finished in spite of the file")
      } catch {
        #expect(error.code == .alreadyExists)
      }
      #expect(try names(in: folder) == ["m"])
      #expect(try FileItem.read(path, limit: 1) == [1])
    }
  }

  @Test func `what cannot be created leaves nothing`() throws {
    try withTemporaryFolder { folder in
      for (path, tensors, code) in [
        ("/absent/m", pair, .notFound), ("/m", pair + pair, .duplicateName),
      ] as [(String, [TensorDeclaration], SafetensorsError.Code)] {
        do throws(SafetensorsError) {
          _ = try SafetensorsWriter.create(at: folder + path, tensors: tensors)
          Issue.record("created in spite of \(code)")
        } catch {
          #expect(error.code == code)
        }
      }
      let left = try names(in: folder)
      #expect(left.isEmpty)
    }
  }
}
