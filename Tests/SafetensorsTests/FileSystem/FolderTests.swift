import Safetensors
import Testing

@Suite struct FolderTests {
  @Test func `folders are made with those that lead to them`() throws {
    try withTemporaryFolder { path in
      let folder = Folder(path + "/a/b/c/")
      #expect(!folder.exists)
      try folder.create()
      #expect(folder.exists)
      try folder.create()
      try folder.synchronize()
      try FileItem.write([], to: path + "/file")
      let error = try #require(throws: SafetensorsError.self) {
        try Folder(path + "/file").create()
      }
      #expect(error.code == .alreadyExists)
      #expect(error.file == path + "/file")
    }
  }

  @Test func `entries are sorted by bytes, with kind and size`() throws {
    try withTemporaryFolder { path in
      try FileItem.write([1, 2, 3], to: path + "/b")
      try FileItem.write([], to: path + "/é")
      try FileItem.write([], to: path + "/B")
      try Folder(path + "/a").create()
      try makeLink(to: "b", at: path + "/link")
      try makeLink(to: "nowhere", at: path + "/broken")
      try makeLink(to: "a", at: path + "/tofolder")
      let entries = try Folder(path).entries()
      #expect(entries.map { $0.name } == ["B", "a", "b", "broken", "link", "tofolder", "é"])
      #expect(
        entries.map { $0.kind } == [.file, .folder, .file, .brokenLink, .file, .folder, .file])
      #expect(entries.map { $0.byteCount } == [0, 0, 3, 0, 3, 0, 0])
    }
  }

  @Test func `removal takes everything and follows no link`() throws {
    try withTemporaryFolder { path in
      try Folder(path + "/kept/inner").create()
      try FileItem.write([1], to: path + "/kept/file")
      try Folder(path + "/gone/x/y").create()
      try FileItem.write([1], to: path + "/gone/x/y/f")
      try makeLink(to: "../kept", at: path + "/gone/tofolder")
      try makeLink(to: "../../kept/file", at: path + "/gone/x/tofile")
      try makeLink(to: "nowhere", at: path + "/gone/broken")
      try Folder(path + "/gone").remove()
      #expect(!Folder(path + "/gone").exists)
      #expect(try names(in: path) == ["kept"])
      #expect(try names(in: path + "/kept") == ["file", "inner"])
    }
  }

  @Test(arguments: ["link", "link/", "./link//"])
  func `a link to a folder is not removed as one`(_ name: String) throws {
    try withTemporaryFolder { path in
      try Folder(path + "/kept").create()
      try FileItem.write([1], to: path + "/kept/file")
      try makeLink(to: "kept", at: path + "/link")
      #expect(throws: SafetensorsError.self) { try Folder(path + "/" + name).remove() }
      #expect(try names(in: path + "/kept") == ["file"])
    }
  }

  @Test func `what is not there is not found`() throws {
    try withTemporaryFolder { path in
      let absent = Folder(path + "/absent")
      for attempt in [
        { try absent.remove() }, { _ = try absent.entries() }, { try absent.synchronize() },
        { _ = try absent.freeByteCount() }, { try absent.rename(to: path + "/other") },
      ] as [() throws -> Void] {
        let error = try #require(throws: SafetensorsError.self) { try attempt() }
        #expect(error.code == .notFound)
        #expect(error.file == path + "/absent")
      }
    }
  }

  @Test func `renaming moves what is in the folder`() throws {
    try withTemporaryFolder { path in
      try Folder(path + "/new.partial").create()
      try FileItem.write([7], to: path + "/new.partial/f")
      try Folder(path + "/new.partial").rename(to: path + "/new")
      #expect(try FileItem.read(path + "/new/f", limit: 1) == [7])
    }
  }
}
