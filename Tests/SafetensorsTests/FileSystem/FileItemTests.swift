import Safetensors
import Testing

@Suite struct FileItemTests {
  @Test(arguments: [0, 1, 1 << 20, (1 << 20) + 3])
  func `copies have the same bytes`(_ byteCount: Int) throws {
    try withTemporaryFolder { path in
      let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
      try FileItem.write(bytes, to: path + "/a")
      try FileItem.copy(path + "/a", to: path + "/b")
      #expect(try FileItem.read(path + "/b", limit: byteCount) == bytes)
      let error = try #require(throws: SafetensorsError.self) {
        try FileItem.copy(path + "/a", to: path + "/b")
      }
      #expect(error.code == .alreadyExists)
    }
  }

  @Test func `the limit holds`() throws {
    try withTemporaryFolder { path in
      try FileItem.write([1, 2, 3], to: path + "/a")
      let error = try #require(throws: SafetensorsError.self) {
        try FileItem.read(path + "/a", limit: 2)
      }
      #expect(error.code == .fileTooLarge)
      #expect(
        error.description == "'\(path)/a': the file has 3 bytes, at most 2 are expected")
    }
  }

  @Test func `kinds are told apart`() throws {
    try withTemporaryFolder { path in
      try FileItem.write([1], to: path + "/a")
      try makeLink(to: "nowhere", at: path + "/broken")
      #expect(FileItem.kind(at: path) == .folder)
      #expect(FileItem.kind(at: path + "/a") == .file)
      #expect(FileItem.kind(at: path + "/broken") == .brokenLink)
      #expect(FileItem.exists(at: path + "/broken"))
      #expect(FileItem.kind(at: path + "/absent") == nil)
      #expect(FileItem.byteCount(at: path) == nil)
      #expect(FileItem.kind(at: path + "/a\0") == nil)
      try FileItem.remove(path + "/broken")
      #expect(!FileItem.exists(at: path + "/broken"))
      #expect(throws: SafetensorsError.self) { try FileItem.remove(path) }
    }
  }
}
