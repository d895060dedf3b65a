/// Times work: the fastest of several runs, which is the least disturbed one.
enum Stopwatch {
  /// The seconds that the fastest of some runs took.
  static func seconds(runs: Int = 5, _ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    body()
    return (0..<runs).map { _ in clock.measure(body) / .seconds(1) }.min() ?? 0
  }

  /// How many times as long as a copy of memory a loop takes for as many bytes, by the fastest of
  /// many short runs of each, in turn: what disturbs the machine meanwhile meets both.
  ///
  /// - Parameters:
  ///   - body: one round of the loop.
  ///   - byteCount: the bytes that a round reads and writes.
  ///   - runs: how often each is timed; a run takes some 0.2 milliseconds.
  /// - Returns: the ratio, and the seconds of one round of the loop.
  static func copies(
    of body: () -> Void, byteCount: Int, runs: Int
  ) -> (ratio: Double, seconds: Double) {
    var copy = MemoryCopy(byteCount: MemoryCopy.yardstick)
    let (rounds, copyRounds) = (rounds(body), rounds { copy.run() })
    var best = (body: Double.infinity, copy: Double.infinity)
    for _ in 0..<runs {
      best.copy = min(best.copy, time(copyRounds) { copy.run() })
      best.body = min(best.body, time(rounds, body))
    }
    let share = Double(byteCount) / Double(MemoryCopy.yardstick)
    return (best.body / (best.copy * share), best.body)
  }

  /// How many rounds fill a run.
  private static func rounds(_ body: () -> Void) -> Int {
    max(1, Int((0.000_2 / max(seconds(runs: 3, body), 1e-9)).rounded()))
  }

  /// The seconds of one of several rounds.
  private static func time(_ rounds: Int, _ body: () -> Void) -> Double {
    ContinuousClock().measure { for _ in 0..<rounds { body() } } / .seconds(Double(rounds))
  }
}
