import Safetensors
import SinterTensors
import Testing

@Suite struct SafetensorsFileTests {
  @Test func `tensors are found and read in part`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/model.safetensors"
      let header =
        #"{"h":{"dtype":"F16","shape":[4],"data_offsets":[2,10]},"#
        + #""b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#
      try FileItem.write(fileBytes(header) + Array(1...10), to: path)
      let file = try SafetensorsFile(path: path)
      #expect(file.path == path)
      #expect(file.tensors.map { $0.name } == ["b", "h"])
      #expect(file.metadata == nil)
      #expect(file.tensor(named: "absent") == nil)
      let tensor = try #require(file.tensor(named: "h"))
      #expect(try file.bytes(of: tensor) == Array(3...10))

      var buffer = ByteBuffer(byteCount: 8)
      var wide = buffer.mutableElements(as: UInt16.self, count: 2)
      try file.read(tensor, elements: 1..<3, into: &wide)
      #expect(buffer.elements(as: UInt16.self, count: 2)[0] == 0x0605)
      #expect(buffer.elements(as: UInt16.self, count: 2)[1] == 0x0807)
      var narrow = buffer.mutableElements(as: UInt8.self, count: 3)
      try file.read(tensor, bytes: 5..<8, into: &narrow)
      #expect(buffer.elements(as: UInt8.self, count: 3)[0] == 8)
      #expect(buffer.elements(as: UInt8.self, count: 3)[2] == 10)
      var bytes = buffer.mutableElements(as: UInt8.self, count: 2)
      // SAFETY: bytes have no padding, and every bit pattern is a value.
      var raw = unsafe bytes.mutableBytes
      try file.read(tensor, bytes: 0..<2, into: &raw)
      #expect(buffer.elements(as: UInt8.self, count: 2)[1] == 4)
    }
  }

  @Test func `a file that shrinks after it was opened is an error that names the tensor`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/model.safetensors"
      let header = #"{"a.weight":{"dtype":"U8","shape":[100],"data_offsets":[0,100]}}"#
      try FileItem.write(fileBytes(header, dataByteCount: 100), to: path)
      let file = try SafetensorsFile(path: path)
      try cut(path, to: 120)
      let error = try #require(throws: SafetensorsError.self) {
        try file.bytes(of: file.tensors[0])
      }
      #expect(error.code == .fileShrank)
      #expect(error.tensor == "a.weight")
      #expect(
        error.description.hasPrefix(
          "'\(path)': tensor 'a.weight': the file ended at byte 120 while bytes up to 172"))
    }
  }

  @Test func `faults of the header name the file`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/model.safetensors"
      for (bytes, code) in [
        ([], .fileTooShort), ([1, 2, 3], .fileTooShort),
        ([UInt8](repeating: 0xFF, count: 9), .headerTooLong), (fileBytes("[]"), .headerNotObject),
        ([9, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D], .headerBeyondFile),
      ] as [([UInt8], SafetensorsError.Code)] {
        try FileItem.write(bytes, to: path, existing: .truncate)
        let error = try #require(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
        #expect(error.code == code)
        #expect(error.file == path)
      }
      let absent = try #require(throws: SafetensorsError.self) {
        try SafetensorsFile(path: folder + "/absent")
      }
      #expect(absent.code == .notFound)
    }
  }
}
