import Safetensors
import SinterTensors
import Testing

/// A file that breaks one rule, and what must be said of it.
struct HostileFile: Sendable, CustomTestStringConvertible {
  let rule: String
  let code: SafetensorsError.Code
  let tensor: String?
  let bytes: [UInt8]
  let text: String

  var testDescription: String { rule }

  init(
    _ rule: String, _ code: SafetensorsError.Code, tensor: String? = nil, bytes: [UInt8],
    text: String
  ) {
    (self.rule, self.code, self.tensor) = (rule, code, tensor)
    (self.bytes, self.text) = (bytes, "'model.safetensors': \(text)")
  }

  /// A file with this header and so many bytes of data.
  init(
    _ rule: String, _ code: SafetensorsError.Code, tensor: String? = nil, _ header: String,
    data: Int = 0, text: String
  ) {
    self.init(
      rule, code, tensor: tensor, bytes: fileBytes(header, dataByteCount: data), text: text)
  }

  /// A file whose only tensor, `a`, has this entry.
  init(
    _ rule: String, _ code: SafetensorsError.Code, entry: String, data: Int = 0, text: String
  ) {
    self.init(
      rule, code, tensor: "a", "{\"a\":\(entry)}", data: data, text: "tensor 'a': \(text)")
  }
}

private let notSafetensors = "this is probably not a safetensors file"
private let cutOff = "this is not a safetensors file, or its download was cut off"

private let hostileFrames: [HostileFile] = [
  .init(
    "no byte at all", .fileTooShort, bytes: [],
    text: "expected at least 8 bytes, the file has 0; \(cutOff)"),
  .init(
    "seven bytes", .fileTooShort, bytes: [2, 0, 0, 0, 0, 0, 0],
    text: "expected at least 8 bytes, the file has 7; \(cutOff)"),
  .init(
    "one byte over the limit", .headerTooLong, bytes: [0x01, 0xE1, 0xF5, 0x05, 0, 0, 0, 0, 0x7B],
    text: "the header is 100000001 bytes long, at most 100000000 are allowed; \(notSafetensors)"),
  .init(
    "the longest length", .headerTooLong, bytes: [UInt8](repeating: 0xFF, count: 16),
    text: "the header is 18446744073709551615 bytes long, at most 100000000 are allowed; "
      + notSafetensors),
  .init(
    "a pointer of Git LFS", .headerTooLong, bytes: Array("version https://git-lfs".utf8),
    text: "the header is 2336927755350992246 bytes long, at most 100000000 are allowed; "
      + "this is a pointer of Git LFS, not the file itself: fetch it with 'git lfs pull'"),
  .init(
    "longer than the file", .headerBeyondFile, bytes: [3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D],
    text: "the header ends at byte 11, but the file has 10 bytes; "
      + "the file is truncated: download it again"),
  .init(
    "an empty header", .headerNotObject, "",
    text: "the header does not start with '{'; \(notSafetensors)"),
  .init(
    "a list", .headerNotObject, "[]",
    text: "the header does not start with '{'; \(notSafetensors)"),
  .init(
    "not JSON at all", .headerNotObject, "PK",
    text: "the header does not start with '{'; \(notSafetensors)"),
  .init(
    "not UTF-8", .headerNotUTF8, bytes: fileBytes([0x7B, 0x22, 0xFF, 0x22, 0x7D]),
    text: "the header is not UTF-8: byte 10: byte 0xff does not start a UTF-8 sequence"),
  .init(
    "an overlong slash", .headerNotUTF8, bytes: fileBytes([0x7B, 0x22, 0xC0, 0xAF, 0x22, 0x7D]),
    text: "the header is not UTF-8: byte 10: byte 0xc0 does not start a UTF-8 sequence"),
  .init(
    "no end", .headerNotJSON, "{",
    text: "the header is not valid JSON: byte 9: expected a key in quotes or '}', "
      + "found the end of the text"),
  .init(
    "text after the end", .headerNotJSON, "{} x",
    text: "the header is not valid JSON: byte 11: expected the end of the text, found 'x'"),
  .init(
    "a NUL after the end", .headerNotJSON, "{}\0",
    text: "the header is not valid JSON: byte 10: expected the end of the text, found byte 0x0"),
  .init(
    "two commas in an entry", .headerNotJSON, tensor: "a",
    "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,,2]}}",
    text: "tensor 'a': the header is not valid JSON: byte 39: expected a value, found ','"),
]

private let hostileMetadata: [HostileFile] = [
  .init(
    "metadata is a list", .malformedMetadata, #"{"__metadata__":[]}"#,
    text: "'__metadata__': expected an object of strings"),
  .init(
    "metadata with a number", .malformedMetadata, #"{"__metadata__":{"step":1}}"#,
    text: "'__metadata__': the value of 'step' is not a string"),
  .init(
    "metadata in metadata", .malformedMetadata, #"{"__metadata__":{"a":{}}}"#,
    text: "'__metadata__': the value of 'a' is not a string"),
  .init(
    "metadata twice", .malformedMetadata, #"{"__metadata__":{},"__metadata__":{}}"#,
    text: "'__metadata__': the name comes twice"),
  .init(
    "a metadata key twice", .malformedMetadata, #"{"__metadata__":{"k":"1","\u006b":"2"}}"#,
    text: "'__metadata__': the key 'k' comes twice"),
]

private let hostileEntries: [HostileFile] = [
  .init(
    "a name twice", .duplicateName, tensor: "a",
    #"{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"# + #""\u0061":{}}"#, data: 1,
    text: "tensor 'a': the name comes twice"),
  .init(
    "an unknown dtype", .unknownDType,
    entry: #"{"dtype":"F33","shape":[1],"data_offsets":[0,4]}"#, data: 4,
    text: "unknown dtype 'F33'; known are BOOL, U8, I8, U16, I16, U32, I32, U64, I64, F4, "
      + "F6_E2M3, F6_E3M2, F8_E4M3, F8_E5M2, F8_E8M0, F16, BF16, F32, F64, C64"),
  .init(
    "a dtype in lower case", .unknownDType, entry: #"{"dtype":"f32"}"#,
    text: "unknown dtype 'f32'; known are BOOL, U8, I8, U16, I16, U32, I32, U64, I64, F4, "
      + "F6_E2M3, F6_E3M2, F8_E4M3, F8_E5M2, F8_E8M0, F16, BF16, F32, F64, C64"),
  .init(
    "a dtype that is a number", .malformedTensor, entry: #"{"dtype":32}"#,
    text: "'dtype' is not a string"),
  .init(
    "an entry that is a list", .malformedTensor, entry: "[]",
    text: "expected an object with dtype, shape and data_offsets"),
  .init(
    "no dtype", .malformedTensor, entry: #"{"shape":[],"data_offsets":[0,0]}"#,
    text: "the key 'dtype' is missing"),
  .init(
    "no shape", .malformedTensor, entry: #"{"dtype":"F32","data_offsets":[0,0]}"#,
    text: "the key 'shape' is missing"),
  .init(
    "no offsets", .malformedTensor, entry: #"{"dtype":"F32","shape":[]}"#,
    text: "the key 'data_offsets' is missing"),
  .init(
    "a key too many", .malformedTensor,
    entry: #"{"dtype":"U8","shape":[],"data_offsets":[0,1],"strides":[1]}"#, data: 1,
    text: "unknown key 'strides'"),
  .init(
    "a key twice", .malformedTensor, entry: #"{"dtype":"U8","dtype":"U8"}"#,
    text: "the key 'dtype' comes twice"),
  .init(
    "a shape that is a number", .malformedTensor, entry: #"{"shape":3}"#,
    text: "'shape' is not a list of integers"),
  .init(
    "a shape of strings", .malformedTensor, entry: #"{"shape":["3"]}"#,
    text: "'shape' is not a list of integers"),
  .init(
    "three offsets", .malformedTensor, entry: #"{"data_offsets":[0,1,2]}"#,
    text: "'data_offsets' has 3 numbers, not 2"),
  .init(
    "a negative extent", .invalidNumber, entry: #"{"shape":[-1]}"#,
    text: "'shape' expects integers from 0 to 9223372036854775807, found -1"),
  .init(
    "a fraction", .invalidNumber, entry: #"{"shape":[1.0]}"#,
    text: "'shape' expects integers from 0 to 9223372036854775807, found 1.0"),
  .init(
    "an exponent", .invalidNumber, entry: #"{"data_offsets":[0,1e3]}"#,
    text: "'data_offsets' expects integers from 0 to 9223372036854775807, found 1e3"),
  .init(
    "a number beyond 63 bits", .invalidNumber, entry: #"{"data_offsets":[0,9223372036854775808]}"#,
    text: "'data_offsets' expects integers from 0 to 9223372036854775807, "
      + "found 9223372036854775808"),
]

private let hostileSizes: [HostileFile] = [
  .init(
    "too many elements", .sizeOverflow,
    entry: #"{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}"#,
    text: "shape [4294967296, 4294967296] of U8 has more bytes than 64 bits can count"),
  .init(
    "too many bytes", .sizeOverflow,
    entry: #"{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}"#,
    text: "shape [4611686018427387904] of F32 has more bytes than 64 bits can count"),
  .init(
    "half a byte", .partialByte,
    entry: #"{"dtype":"F4","shape":[3],"data_offsets":[0,2]}"#, data: 2,
    text: "shape [3] of F4 does not fill whole bytes"),
  .init(
    "three quarters of a byte", .partialByte,
    entry: #"{"dtype":"F6_E2M3","shape":[5],"data_offsets":[0,4]}"#, data: 4,
    text: "shape [5] of F6_E2M3 does not fill whole bytes"),
  .init(
    "offsets reversed", .offsetsReversed,
    entry: #"{"dtype":"F32","shape":[1],"data_offsets":[4,0]}"#, data: 4,
    text: "data_offsets [4, 0] end before they start"),
  .init(
    "too little data for the shape", .sizeMismatch,
    entry: #"{"dtype":"BF16","shape":[2,3],"data_offsets":[0,10]}"#, data: 10,
    text: "shape [2, 3] of BF16 has 12 bytes, but data_offsets [0, 10] cover 10"),
  .init(
    "a hole at the start", .hole,
    entry: #"{"dtype":"U8","shape":[2],"data_offsets":[1,3]}"#, data: 3,
    text: "data starts at offset 1, expected 0: 1 bytes before it belong to no tensor"),
  .init(
    "a hole between tensors", .hole, tensor: "b",
    #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"#
      + #""b":{"dtype":"U8","shape":[2],"data_offsets":[6,8]}}"#, data: 8,
    text: "tensor 'b': data starts at offset 6, expected 2: 4 bytes before it belong to no tensor"),
  .init(
    "an overlap", .overlap, tensor: "b",
    #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"#
      + #""b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}}"#, data: 7,
    text: "tensor 'b': data from offset 3 overlaps that of tensor 'a'"),
  .init(
    "two names for the same data", .overlap, tensor: "b",
    #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"#
      + #""b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, data: 4,
    text: "tensor 'b': data from offset 0 overlaps that of tensor 'a'"),
  .init(
    "an empty tensor within another", .overlap, tensor: "b",
    #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"#
      + #""b":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}}"#, data: 4,
    text: "tensor 'b': data from offset 2 overlaps that of tensor 'a'"),
  .init(
    "data missing", .truncated,
    entry: #"{"dtype":"U8","shape":[3000],"data_offsets":[0,3000]}"#, data: 941,
    text: "data ends at byte 3067, but the file has 1008 bytes; "
      + "the file is truncated (1.0 of 3.1 KB): download it again"),
  .init(
    "an end beyond 63 bits", .truncated,
    entry: #"{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}"#,
    text: "data ends at byte 9223372036854775807, but the file has 97 bytes; "
      + "the file is truncated (0.0 of 9.2 EB): download it again"),
  .init(
    "data left over", .trailingBytes,
    #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, data: 5,
    text: "the data ends at byte 63, but the file has 66 bytes; "
      + "the last 3 bytes belong to no tensor"),
  .init(
    "data without tensors", .trailingBytes, "{}", data: 1,
    text: "the data ends at byte 10, but the file has 11 bytes; "
      + "the last 1 bytes belong to no tensor"),
]

@Suite struct SafetensorsHeaderParsingTests {
  @Test(arguments: hostileFrames + hostileMetadata + hostileEntries + hostileSizes)
  func refuses(_ file: HostileFile) throws {
    let error = try #require(throws: SafetensorsError.self) { try parse(file.bytes) }
    #expect(error.code == file.code)
    #expect(error.file == "model.safetensors")
    #expect(error.tensor == file.tensor)
    #expect(error.description == file.text)
  }

  @Test func `every cut of a valid file is refused`() throws {
    let header = #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}  "#
    let bytes = fileBytes(header, dataByteCount: 2)
    _ = try parse(bytes)
    for count in 0..<bytes.count {
      #expect(throws: SafetensorsError.self) { try parse(Array(bytes[..<count])) }
    }
  }

  @Test func `every changed byte gives a header or an error`() throws {
    let header =
      #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}"#
    let bytes = fileBytes(header, dataByteCount: 8)
    var generator = SeededGenerator(seed: 7)
    for index in bytes.indices {
      for _ in 0..<4 {
        var changed = bytes
        changed[index] = UInt8.random(in: 0...255, using: &generator)
        // Whatever is accepted must fit the file exactly.
        if let header = try? parse(changed) { #expect(header.fileByteCount == bytes.count) }
      }
    }
  }

  @Test func `scalars, empty tensors and single elements are ordinary`() throws {
    let header = try parse(
      fileBytes(
        #"{"one":{"dtype":"F32","shape":[1,1],"data_offsets":[2,6]},"#
          + #""scalar":{"dtype":"BF16","shape":[],"data_offsets":[0,2]},"#
          + #""empty":{"dtype":"F64","shape":[3,0],"data_offsets":[6,6]}}"#, dataByteCount: 6))
    #expect(header.tensors.map { $0.name } == ["scalar", "one", "empty"])
    #expect(header.tensors.map { $0.elementCount } == [1, 1, 0])
    #expect(header.tensors.map { $0.byteCount } == [2, 4, 0])
    #expect(header.metadata == nil)
  }

  @Test func `tensors without data keep the order of the header`() throws {
    let empty = #"{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#
    let header = try parse(fileBytes("{\"z\":\(empty),\"a\":\(empty),\"m\":\(empty)}"))
    #expect(header.tensors.map { $0.name } == ["z", "a", "m"])
  }

  @Test func `white space may stand around the header`() throws {
    let header = try parse(fileBytes(" \n\t\r{ } \n  "))
    #expect(header.tensors.isEmpty)
    #expect(header.dataStart == 19)
  }

  @Test func `names that differ in bytes alone are two tensors`() throws {
    let header = try parse(
      fileBytes(
        "{\"\u{E9}\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]},"
          + "\"e\u{301}\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[1,2]}}",
        dataByteCount: 2))
    #expect(header.tensors.count == 2)
  }

  @Test func `metadata keeps its order and its characters`() throws {
    let header = try parse(fileBytes(#"{"__metadata__":{"z":"\n\"é","a":"","format":"pt"}}"#))
    let metadata = try #require(header.metadata)
    #expect(metadata.entries.map { $0.key } == ["z", "a", "format"])
    #expect(metadata["z"] == "\n\"é")
    #expect(metadata["a"] == "")
    #expect(metadata["b"] == nil)
  }

  @Test(arguments: DType.allCases) func `each dtype is known`(_ dtype: DType) throws {
    let count = dtype.bitWidth
    let header = try parse(
      fileBytes(
        #"{"a":{"dtype":"\#(dtype.rawValue)","shape":[8],"data_offsets":[0,\#(count)]}}"#,
        dataByteCount: count))
    #expect(header.tensors[0].dtype == dtype)
  }
}
