import Foundation

/// A folder of a test's own, removed when the test is over.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("sinter-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// The path of something in the folder.
  func appending(_ name: String) -> String { path + "/" + name }

  /// Writes a text, making the folders that lead to it.
  func write(_ text: String, to name: String) throws {
    let url = URL(fileURLWithPath: appending(name))
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  /// The text of a file.
  func text(_ name: String) throws -> String {
    try String(contentsOfFile: appending(name), encoding: .utf8)
  }

  /// The bytes of a file.
  func bytes(_ name: String) throws -> [UInt8] {
    try Array(Data(contentsOf: URL(fileURLWithPath: appending(name))))
  }

  func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: appending(name))
  }

  /// The names in the folder, or in one that lies in it.
  func names(_ folder: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: appending(folder)).sorted()
  }
}
