import Foundation

/// What was measured, held against what it is to be.
struct GuardVerdict {
  private(set) var failed = 0
  private var passed = 0
  private var lines: [String] = []

  /// Starts with nothing.
  init() {}

  /// Judges everything that was measured, and every threshold that nothing was measured for.
  init(_ measured: [GuardMeasurement], _ limits: GuardThresholds) {
    for one in measured {
      let (name, ratio) = (one.name, one.ratio)
      let found = String(format: "%.2f times \(one.yardstick.rawValue)", ratio)
      if let limit = limits[name] {
        add("\(name): \(found), at most \(String(format: "%.2f", limit))", isGood: ratio <= limit)
      } else {
        add("\(name): \(found), but no threshold", isGood: false)
      }
    }
    let known = Set(measured.map(\.name))
    for name in limits.names where !known.contains(name) {
      add("\(name): a threshold, but nothing of that name is measured", isGood: false)
    }
  }

  /// Adds a line.
  mutating func add(_ words: String, isGood: Bool) {
    lines.append("\(isGood ? "ok" : "FAILED"): \(words)")
    if isGood { passed += 1 } else { failed += 1 }
  }

  /// All lines, and how many were good.
  var text: String { (lines + ["\(passed) passed, \(failed) failed"]).joined(separator: "\n") }
}
