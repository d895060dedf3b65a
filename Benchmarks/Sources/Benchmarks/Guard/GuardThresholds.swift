import Foundation

/// How many times as long as a copy of memory each loop and merge may take: a text file with a name
/// and a number on each line.
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
      else { throw GuardError(description: "no name and number: '\(line)'") }
      let name = line[..<gap].trimmingCharacters(in: .whitespaces)
      guard limits.updateValue(limit, forKey: name) == nil else {
        throw GuardError(description: "'\(name)' comes twice")
      }
      names.append(name)
    }
    self.names = names
    self.limits = limits
  }

  /// Thresholds above what was measured, by a factor.
  init(_ measured: [(name: String, ratio: Double)], headroom: Double) {
    names = measured.map(\.name)
    limits = Dictionary(measured.map { ($0.name, $0.ratio * headroom) }) { first, _ in first }
  }

  /// The same names, each with the limit 0, which nothing can keep.
  var impossible: GuardThresholds {
    GuardThresholds(names.map { ($0, 0) }, headroom: 0)
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
      # reads and writes, on the same machine, in the same process. Made and checked by
      # 'Benchmarks guard'; see README.md in this folder.

      """ + lines.map { $0 + "\n" }.joined()
  }
}

/// A fault of the file with thresholds.
struct GuardError: Error, CustomStringConvertible {
  let description: String
}
