import Foundation

/// How many times as long as a copy of memory each loop and merge may take, and how memory may grow:
/// a text file with a name and a number on each line.
struct GuardThresholds {
  /// The names in the order of the file.
  let names: [String]
  private let limits: [String: Double]

  /// Reads the lines; those that begin with `#` are remarks.
  init(parsing text: String) throws {
    var names: [String] = []
    var limits: [String: Double] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let gap = line.lastIndex(of: " "), let limit = Double(line[line.index(after: gap)...])
      else { throw ThresholdError(description: "no name and number: '\(line)'") }
      let name = line[..<gap].trimmingCharacters(in: .whitespaces)
      guard limits.updateValue(limit, forKey: name) == nil else {
        throw ThresholdError(description: "'\(name)' comes twice")
      }
      names.append(name)
    }
    self.names = names
    self.limits = limits
  }

  /// Thresholds above what was measured: of time by a factor, of memory a tenth, since it is not to
  /// grow at all.
  init(_ measured: [GuardMeasurement], headroom: Double) {
    names = measured.map(\.name)
    limits = Dictionary(
      measured.map { ($0.name, $0.yardstick == .copy ? $0.ratio * headroom : 1.1) }
    ) { first, _ in first }
  }

  subscript(name: String) -> Double? { limits[name] }

  /// The text of the file.
  var text: String {
    let width = (names.map(\.count).max() ?? 0) + 2
    let lines = names.map { name in
      let limit = String(format: "%.2f", limits[name] ?? 0)
      return name.padding(toLength: width, withPad: " ", startingAt: 0) + limit
    }
    return """
      # At most so many times the time that the C library takes to copy as many bytes as the loop
      # reads and writes, on the same machine, in the same process; of memory, at most so many times
      # that of a merge of a quarter of the tensors. Made and checked by 'Benchmarks guard'; see
      # README.md in this folder.

      """ + lines.map { $0 + "\n" }.joined()
  }
}

/// A fault of the file with thresholds.
struct ThresholdError: Error, CustomStringConvertible {
  let description: String
}
