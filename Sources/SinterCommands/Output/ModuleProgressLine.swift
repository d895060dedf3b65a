import Safetensors

/// How far the making of an adapter has come, as text.
struct ModuleProgressLine: ProgressText {
  /// What is done to modules, such as `combining`.
  let activity: String
  /// The modules that are complete.
  var modulesDone: Int
  /// The modules; `nil` while models are compared to find them.
  var modules: Int?
  /// The bytes that were read.
  var bytesRead: Int
  /// The time since the start in seconds.
  var seconds: Double

  /// The part of the modules that are complete, 0...1; those that take longest come first.
  var fraction: Double {
    guard let modules else { return 0 }
    return modules == 0 ? 1 : min(1, Double(modulesDone) / Double(modules))
  }

  /// The time that is left in seconds, `nil` while it is too early to tell.
  var secondsLeft: Double? { ProgressLine.secondsLeft(fraction, after: seconds) }

  func text(width: Int) -> String {
    let speed = ProgressLine.speed(bytesRead, in: seconds)
    guard let modules else {
      return ProgressLine.fitting(["comparing", speed].compactMap { $0 }, width)
    }
    let parts = [
      "\(activity)  \(ProgressLine.percent(fraction))", "\(modulesDone)/\(modules) modules",
      secondsLeft.map { "\(ProgressLine.duration($0)) left" },
    ]
    return ProgressLine.fitting(parts.compactMap { $0 }, width)
  }

  var json: JSONText {
    .object([
      ("type", "progress"),
      ("modules_done", .number(modulesDone)),
      ("modules", modules.map { .number($0) } ?? .null),
      ("bytes_read", .number(bytesRead)),
      ("seconds", .number((seconds * 1000).rounded() / 1000)),
      ("seconds_left", secondsLeft.map { .number($0.rounded()) } ?? .null),
    ])
  }
}
