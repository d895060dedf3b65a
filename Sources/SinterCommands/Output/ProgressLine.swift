import Safetensors

/// How far a command has come, as a line for people and one for programs.
protocol ProgressText {
  /// One line of text.
  ///
  /// - Parameter width: the most characters that it may have; parts at the end are left out.
  /// - Returns: the line, without a line feed.
  func text(width: Int) -> String

  /// One line of JSON.
  var json: JSONText { get }
}

extension ProgressText {
  /// The line with all its parts.
  func text() -> String { text(width: .max) }
}

/// How far a merge has come, as text. It knows neither terminal nor clock.
struct ProgressLine: ProgressText {
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
  var secondsLeft: Double? { Self.secondsLeft(fraction, after: seconds) }

  /// The time that is left in seconds, `nil` while it is too early to tell.
  static func secondsLeft(_ fraction: Double, after seconds: Double) -> Double? {
    guard seconds >= 0.5, fraction > 0.001 else { return nil }
    return seconds * (1 - fraction) / fraction
  }

  /// One line of text.
  ///
  /// - Parameter width: the most characters that it may have; parts at the end are left out.
  /// - Returns: the line, without a line feed.
  func text(width: Int) -> String {
    let parts = [
      "merging  \(Self.percent(fraction))", "\(tensorsDone)/\(tensors) tensors",
      Self.speed(bytesRead + bytesWritten, in: seconds),
      secondsLeft.map { "\(Self.duration($0)) left" },
    ]
    return Self.fitting(parts.compactMap { $0 }, width)
  }

  /// A part of the whole, rounded down, in four characters.
  static func percent(_ fraction: Double) -> String {
    let percent = Int(fraction * 100)
    return "\(percent < 10 ? "  " : percent < 100 ? " " : "")\(percent)%"
  }

  /// Bytes in a second, `nil` when there is nothing to go by.
  static func speed(_ bytes: Int, in seconds: Double) -> String? {
    guard seconds >= 0.1, bytes > 0 else { return nil }
    return "\(ByteCountText(Int(min(Double(bytes) / seconds, 1e18))))/s"
  }

  /// As many parts as fit, two spaces between them.
  static func fitting(_ parts: [String], _ width: Int) -> String {
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
