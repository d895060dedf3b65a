import Safetensors

/// How far a merge has come, as text. It knows neither terminal nor clock.
struct ProgressLine {
  /// The output tensors that are complete.
  var tensorsDone: Int
  /// The output tensors.
  let tensors: Int
  /// The bytes that were read.
  var bytesRead: Int
  /// The bytes that were written.
  var bytesWritten: Int
  /// The bytes that are to be written.
  let bytesToWrite: Int
  /// The time since the start in seconds.
  var seconds: Double

  /// The part of the bytes that are written, 0...1.
  var fraction: Double {
    guard bytesToWrite > 0 else { return tensorsDone == tensors ? 1 : 0 }
    return min(1, Double(bytesWritten) / Double(bytesToWrite))
  }

  /// The time that is left in seconds, `nil` while it is too early to tell.
  var secondsLeft: Double? {
    guard seconds >= 0.5, fraction > 0.001 else { return nil }
    return seconds * (1 - fraction) / fraction
  }

  /// One line of text.
  ///
  /// - Parameter width: the most characters that it may have; parts at the end are left out.
  /// - Returns: the line, without a line feed.
  func text(width: Int = .max) -> String {
    let percent = Int(fraction * 100)
    var parts = [
      "merging  \(percent < 10 ? "  " : percent < 100 ? " " : "")\(percent)%",
      "\(tensorsDone)/\(tensors) tensors",
    ]
    if seconds >= 0.1, bytesRead + bytesWritten > 0 {
      let rate = Double(bytesRead + bytesWritten) / seconds
      parts.append("\(ByteCountText(Int(min(rate, 1e18))))/s")
    }
    if let secondsLeft { parts.append("\(Self.duration(secondsLeft)) left") }
    var text = ""
    for part in parts {
      let longer = text.isEmpty ? part : text + "  " + part
      guard longer.count <= width else { break }
      text = longer
    }
    return text
  }

  /// One line of JSON, for programs.
  var json: JSONText {
    .object([
      ("type", "progress"),
      ("tensors_done", .number(tensorsDone)),
      ("tensors", .number(tensors)),
      ("bytes_read", .number(bytesRead)),
      ("bytes_written", .number(bytesWritten)),
      ("bytes_to_write", .number(bytesToWrite)),
      ("seconds", .number((seconds * 1000).rounded() / 1000)),
      ("seconds_left", secondsLeft.map { .number($0.rounded()) } ?? .null),
    ])
  }

  /// A time as people read it, in its two largest units.
  ///
  /// - Parameter seconds: the time, at least 0.
  /// - Returns: a text such as `2 min 5 s`.
  static func duration(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 1e9).rounded(.up))
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }
}
