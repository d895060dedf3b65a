import Foundation
import Safetensors
import Testing

@Suite struct OutputFileTests {
  @Test func `writes go where they are told, from many tasks`() async throws {
    let folder = Folder(NSTemporaryDirectory() + "/safetensors-tests-" + UUID().uuidString)
    try folder.create()
    defer { try? folder.remove() }
    let path = folder.appending("f")
    let file = try OutputFile(creating: path)
    try file.preallocate(byteCount: 1000)
    #expect(FileItem.byteCount(at: path) == 1000)
    try await withThrowingTaskGroup { group in
      for part in 0..<100 {
        group.addTask {
          let bytes = [UInt8](repeating: UInt8(part), count: 10)
          try file.write(bytes.span, at: part * 10)
        }
      }
      try await group.waitForAll()
    }
    try file.synchronize()
    let expected = (0..<1000).map { UInt8($0 / 10) }
    #expect(try FileItem.read(path, limit: 1000) == expected)
  }

  @Test func `elements are written as their bytes`() throws {
    try withTemporaryFolder { folder in
      let file = try OutputFile(creating: folder + "/f")
      try file.write(([1, 0x0203] as [UInt16]).span, at: 1)
      #expect(try FileItem.read(folder + "/f", limit: 9) == [0, 1, 0, 3, 2])
    }
  }

  @Test func `an existing file is refused, emptied or kept`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/f"
      try FileItem.write([1, 2, 3], to: path)
      let error = try #require(throws: SafetensorsError.self) {
        try OutputFile(creating: path)
      }
      #expect(error.code == .alreadyExists)
      #expect(error.description == "'\(path)': cannot create: file exists")
      try OutputFile(creating: path, existing: .keep).write(([9] as [UInt8]).span, at: 1)
      #expect(try FileItem.read(path, limit: 3) == [1, 9, 3])
      _ = try OutputFile(creating: path, existing: .truncate)
      #expect(FileItem.byteCount(at: path) == 0)
    }
  }

  @Test func `preallocation keeps what was written and may shorten`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/f"
      let file = try OutputFile(creating: path)
      try file.write(([1, 2, 3] as [UInt8]).span, at: 0)
      try file.preallocate(byteCount: 5)
      #expect(try FileItem.read(path, limit: 5) == [1, 2, 3, 0, 0])
      try file.preallocate(byteCount: 0)
      #expect(FileItem.byteCount(at: path) == 0)
    }
  }

  #if os(Linux)
    @Test func `a full disk has a code of its own`() throws {
      let file = try OutputFile(creating: "/dev/full", existing: .keep)
      let error = try #require(throws: SafetensorsError.self) {
        try file.write(([1] as [UInt8]).span, at: 0)
      }
      #expect(error.code == .diskFull)
      #expect(
        error.description == "'/dev/full': cannot write at byte 0: no space left on device; "
          + "free some space, or write to another disk")
    }
  #endif

  @Test func `more than the disk holds cannot be reserved`() throws {
    try withTemporaryFolder { folder in
      let free = try Folder(folder).freeByteCount()
      #expect(free > 0)
      let file = try OutputFile(creating: folder + "/f")
      // Where the file system cannot reserve, the size alone is set, and that may succeed.
      do throws(SafetensorsError) {
        try file.preallocate(byteCount: free + 1 << 40)
      } catch {
        #expect([.diskFull, .systemFailure].contains(error.code))
        #expect(error.file == folder + "/f")
      }
    }
  }
}
