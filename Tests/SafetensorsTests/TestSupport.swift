import Foundation
import Safetensors
import Testing

/// Runs a test with a folder of its own, which is removed afterwards.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let path = NSTemporaryDirectory() + "/safetensors-tests-" + UUID().uuidString
  let folder = Folder(PathText.normalized(path))
  try folder.create()
  defer { try? folder.remove() }
  return try body(folder.path)
}

/// Makes a symbolic link that leads to a path, seen from its own folder.
func makeLink(to destination: String, at path: String) throws {
  try FileManager.default.createSymbolicLink(
    atPath: path, withDestinationPath: destination)
}

/// Makes a named pipe.
func makePipe(at path: String) throws {
  // SAFETY: the path is bridged to a text that ends in NUL and outlives the call.
  try #require(unsafe mkfifo(path, 0o600) == 0)
}

/// Makes a file shorter.
func cut(_ path: String, to byteCount: Int) throws {
  try OutputFile(creating: path, existing: .keep).preallocate(byteCount: byteCount)
}

/// The names in a folder.
func names(in path: String) throws -> [String] {
  try Folder(path).entries().map { $0.name }
}

/// The bytes of a safetensors file with this header and so many bytes of data, all 0.
func fileBytes(_ header: String, dataByteCount: Int = 0) -> [UInt8] {
  fileBytes(Array(header.utf8), dataByteCount: dataByteCount)
}

func fileBytes(_ header: [UInt8], dataByteCount: Int = 0) -> [UInt8] {
  let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
  return length + header + [UInt8](repeating: 0, count: dataByteCount)
}

/// Parses the bytes of a whole file, as if it were called `model.safetensors`.
func parse(_ bytes: [UInt8]) throws(SafetensorsError) -> SafetensorsHeader {
  try SafetensorsHeader(parsing: bytes, fileByteCount: bytes.count, file: "model.safetensors")
}

/// SplitMix64: a sequence of numbers that a seed decides.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
