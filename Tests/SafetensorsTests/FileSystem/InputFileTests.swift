import Safetensors
import SinterTensors
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite struct InputFileTests {
  @Test func `any position can be read into any buffer`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/f"
      try FileItem.write(Array(0..<200), to: path)
      let file = try InputFile(path: path)
      file.adviseSingleUse()
      file.adviseWillNeed(0..<100)
      #expect(file.byteCount == 200)
      #expect(try file.bytes(in: 10..<13) == [10, 11, 12])
      #expect(try file.bytes(in: 200..<200) == [])
      var buffer = ByteBuffer(byteCount: 8)
      var elements = buffer.mutableElements(as: UInt16.self, count: 3)
      try file.read(into: &elements, at: 4)
      #expect(buffer.elements(as: UInt16.self, count: 4)[0] == 0x0504)
      #expect(buffer.elements(as: UInt16.self, count: 4)[2] == 0x0908)
      #expect(buffer.elements(as: UInt16.self, count: 4)[3] == 0)
    }
  }

  /// Bytes that are not in memory are read in another way, and then all others.
  @Test(arguments: [false, true]) func `bytes are the same from memory and from the disk`(
    evicts: Bool
  ) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/f"
      let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
      try FileItem.write(bytes, to: path)
      if evicts { try evict(path) }
      let file = try InputFile(path: path)
      var buffer = ByteBuffer(byteCount: 40_000)
      for start in [50_001, 0, 60_000, 3] {
        file.adviseWillNeed(start..<start + 40_000)
        var elements = buffer.mutableElements(as: UInt8.self, count: 40_000)
        try file.read(into: &elements, at: start)
        let read = buffer.elements(as: UInt8.self, count: 40_000)
        #expect(read.indices.allSatisfy { read[$0] == bytes[start + $0] })
      }
      let error = try #require(throws: SafetensorsError.self) {
        var elements = buffer.mutableElements(as: UInt8.self, count: 40_000)
        try file.read(into: &elements, at: 60_001)
      }
      #expect(error.code == .fileShrank)
    }
  }

  @Test func `a file that ends too early has shrunk`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/f"
      try FileItem.write(Array(0..<100), to: path)
      let file = try InputFile(path: path)
      try cut(path, to: 60)
      let error = try #require(throws: SafetensorsError.self) { try file.bytes(in: 50..<70) }
      #expect(error.code == .fileShrank)
      #expect(
        error.description
          == "'\(path)': the file ended at byte 60 while bytes up to 70 were read; it became "
          + "shorter after it was opened: is another program writing it?")
      var buffer = ByteBuffer(byteCount: 20)
      let other = try #require(throws: SafetensorsError.self) {
        var elements = buffer.mutableElements(as: UInt8.self, count: 20)
        try file.read(into: &elements, at: 90)
      }
      #expect(other.code == .fileShrank)
    }
  }

  @Test func `what cannot be opened is named`() throws {
    try withTemporaryFolder { folder in
      func fault(_ path: String) throws -> SafetensorsError {
        try #require(throws: SafetensorsError.self) { try InputFile(path: path) }
      }
      let absent = try fault(folder + "/absent")
      #expect(absent.code == .notFound)
      #expect(
        absent.description == "'\(folder)/absent': cannot open: no such file or directory")
      #expect(try fault(folder).description == "'\(folder)': expected a regular file")
      #expect(try fault(folder).code == .notFile)
      #expect(try fault(folder + "/a\0b").code == .unsafePath)
      try FileItem.write([], to: folder + "/f")
      #expect(try fault(folder + "/f/g").code == .notFolder)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `a pipe is refused at once`() throws {
    try withTemporaryFolder { folder in
      try makePipe(at: folder + "/pipe")
      let error = try #require(throws: SafetensorsError.self) {
        try InputFile(path: folder + "/pipe")
      }
      #expect(error.code == .notFile)
    }
  }
}

/// Asks the system to forget what it has of a file in memory; it need not.
private func evict(_ path: String) throws {
  try OutputFile(creating: path, existing: .keep).synchronize()
  #if os(Linux)
    // SAFETY: the path is bridged to a text that ends in NUL and outlives the call.
    let descriptor = unsafe open(path, O_RDONLY)
    defer { close(descriptor) }
    #expect(posix_fadvise(descriptor, 0, 0, Int32(POSIX_FADV_DONTNEED)) == 0)
  #endif
}
