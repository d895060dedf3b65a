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

/// Shows how far a command has come while it runs.
struct ProgressDisplay: Sendable {
  private let style: ProgressStyle
  private let console: Console
  private let line: @Sendable (_ seconds: Double) -> any ProgressText

  /// Makes a display.
  ///
  /// - Parameters:
  ///   - style: how progress is shown.
  ///   - console: where it is shown.
  ///   - line: what is shown after some time.
  init(
    style: ProgressStyle, console: Console,
    line: @escaping @Sendable (_ seconds: Double) -> any ProgressText
  ) {
    let canRedraw = console.isTerminal && !console.isQuiet
    self.style = style == .auto && !canRedraw ? .none : style
    self.console = console
    self.line = line
  }

  /// Makes the display of a merge.
  ///
  /// - Parameters:
  ///   - style: how progress is shown.
  ///   - console: where it is shown.
  ///   - counter: counts what is done.
  ///   - plan: says what there is to be done.
  init(style: ProgressStyle, console: Console, counter: ProgressCounter, plan: MergePlan) {
    let tensors = plan.tensors.count
    let bytesToWrite = plan.tensors.reduce(0) { $0 + $1.bytes.count }
    self.init(style: style, console: console) { seconds in
      ProgressLine(
        tensorsDone: counter.tensorsDone, tensors: tensors, bytesRead: counter.bytesRead,
        bytesWritten: counter.bytesWritten, bytesToWrite: bytesToWrite, seconds: seconds)
    }
  }

  /// Makes the display of a command that makes an adapter.
  ///
  /// - Parameters:
  ///   - style: how progress is shown.
  ///   - console: where it is shown.
  ///   - counter: counts what is done.
  ///   - activity: what is done to modules, such as `combining`.
  init(style: ProgressStyle, console: Console, counter: ProgressCounter, activity: String) {
    self.init(style: style, console: console) { seconds in
      ModuleProgressLine(
        activity: activity, modulesDone: counter.tensorsDone, modules: counter.modulesExpected,
        bytesRead: counter.bytesRead, seconds: seconds)
    }
  }

  /// Does something, and shows progress meanwhile.
  ///
  /// - Parameter body: what is done.
  /// - Returns: what it returns; the line is wiped before.
  /// - Throws: what it throws.
  func showing<Value: Sendable>(
    _ body: @Sendable () async throws -> Value
  ) async throws -> Value {
    let showing = Task { await run() }
    let result: Result<Value, any Error>
    do {
      result = .success(try await body())
    } catch {
      result = .failure(error)
    }
    showing.cancel()
    await showing.value
    return try result.get()
  }

  private static let step = Duration.milliseconds(100)

  /// Shows progress ten times a second, or less often where lines add up.
  private func run() async {
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
    let line = line(time / .seconds(1))
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
    case .json: console.printError(Self.compact(line(time / .seconds(1)).json))
    }
  }

  private static let clearToEnd = "\u{1B}[K"

  private static func compact(_ json: JSONText) -> String {
    String(decoding: json.encoded(.compact), as: UTF8.self)
  }
}
