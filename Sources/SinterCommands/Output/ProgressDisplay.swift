import ArgumentParser
import Safetensors
import Sinter

/// How progress is shown.
enum ProgressStyle: String, CaseIterable, ExpressibleByArgument {
  /// A redrawn line on a terminal, otherwise nothing.
  case auto
  /// A line every few seconds.
  case plain
  /// A JSON object every second.
  case json
  /// Nothing.
  case none
}

/// Shows how far a merge has come, until its task is cancelled.
struct ProgressDisplay: Sendable {
  private let style: ProgressStyle
  private let console: Console
  private let counter: ProgressCounter
  private let tensors: Int
  private let bytesToWrite: Int

  /// Makes a display.
  ///
  /// - Parameters:
  ///   - style: how progress is shown.
  ///   - console: where it is shown.
  ///   - counter: counts what is done.
  ///   - plan: says what there is to be done.
  init(style: ProgressStyle, console: Console, counter: ProgressCounter, plan: MergePlan) {
    let canRedraw = console.isTerminal && !console.isQuiet
    self.style = style == .auto && !canRedraw ? .none : style
    self.console = console
    self.counter = counter
    tensors = plan.tensors.count
    bytesToWrite = plan.tensors.reduce(0) { $0 + $1.bytes.count }
  }

  private static let step = Duration.milliseconds(100)

  /// Shows progress ten times a second, or less often where lines add up.
  func run() async {
    let clock = ContinuousClock()
    let start = clock.now
    var steps = 0
    while !Task.isCancelled {
      if style == .none { return }
      show(after: clock.now - start, step: steps)
      steps += 1
      try? await Task.sleep(for: Self.step)
    }
    finish(after: clock.now - start)
  }

  private func show(after time: Duration, step: Int) {
    let line = line(after: time)
    switch style {
    case .auto: console.draw("\r" + line.text(width: Terminal.width - 1) + Self.clearToEnd)
    case .plain: if step % 50 == 49 { console.printError(line.text()) }
    case .json: if step % 10 == 0 { console.printError(Self.compact(line.json)) }
    case .none: break
    }
  }

  private func finish(after time: Duration) {
    switch style {
    case .auto: console.draw("\r" + Self.clearToEnd)
    case .plain, .none: break
    case .json: console.printError(Self.compact(line(after: time).json))
    }
  }

  private func line(after time: Duration) -> ProgressLine {
    ProgressLine(
      tensorsDone: counter.tensorsDone, tensors: tensors, bytesRead: counter.bytesRead,
      bytesWritten: counter.bytesWritten, bytesToWrite: bytesToWrite,
      seconds: time / .seconds(1))
  }

  private static let clearToEnd = "\u{1B}[K"

  private static func compact(_ json: JSONText) -> String {
    String(decoding: json.encoded(.compact), as: UTF8.self)
  }
}
