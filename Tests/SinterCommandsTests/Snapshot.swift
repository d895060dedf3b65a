import Foundation
import Testing

/// A text that was approved once and must stay as it is.
///
/// With `RECORD_SNAPSHOTS=1` in the environment the texts are written anew, and the tests fail, so
/// that recording cannot pass for testing.
enum Snapshot {
  static func expect(
    _ text: String, equals name: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    if ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] == "1" {
      let file = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Snapshots/\(name).txt")
      try Data(text.utf8).write(to: file)
      Issue.record("recorded '\(name)'", sourceLocation: sourceLocation)
      return
    }
    let file = Bundle.module.bundleURL.appending(path: "Snapshots/\(name).txt")
    let recorded = try String(contentsOf: file, encoding: .utf8)
    #expect(text == recorded, "differs from the snapshot '\(name)'", sourceLocation: sourceLocation)
  }
}
