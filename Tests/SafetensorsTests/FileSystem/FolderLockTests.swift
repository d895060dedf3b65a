import Safetensors
import Testing

@Suite struct FolderLockTests {
  private func expectLocked(_ path: String) throws {
    let error = try #require(throws: SafetensorsError.self) { try FolderLock(path) }
    #expect(error.code == .alreadyExists)
    #expect(error.detail == "another process is writing here")
  }

  @Test func `one at a time holds a lock`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/lock"
      let first = try FolderLock(path)
      try expectLocked(path)
      try expectLocked(path)
      first.release()
      let second = try FolderLock(path)
      try expectLocked(path)
      second.release()
    }
  }

  @Test func `a lock ends with its holder`() throws {
    try withTemporaryFolder { folder in
      func hold() throws { _ = try FolderLock(folder + "/lock") }
      try hold()
      try FolderLock(folder + "/lock").release()
    }
  }

  @Test func `locks of different files do not meet`() throws {
    try withTemporaryFolder { folder in
      let first = try FolderLock(folder + "/a")
      let second = try FolderLock(folder + "/b")
      first.release()
      second.release()
    }
  }

  @Test func `a file that took the place of a removed one has a lock of its own`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/lock"
      let old = try FolderLock(path)
      try FileItem.remove(path)
      let new = try FolderLock(path)
      try expectLocked(path)
      old.release()
      try expectLocked(path)
      new.release()
    }
  }

  @Test func `a folder that is not there is named`() throws {
    try withTemporaryFolder { folder in
      let error = try #require(throws: SafetensorsError.self) {
        try FolderLock(folder + "/none/lock")
      }
      #expect(error.code == .notFound)
      #expect(error.file == folder + "/none/lock")
    }
  }
}
