/// Finds the name that someone most likely meant.
package enum Suggestion {
  /// The candidate nearest to a misspelt name.
  ///
  /// Case, and `-` in place of `_`, count for nothing; a missing, a superfluous or a wrong
  /// letter and two swapped neighbours count one each.
  ///
  /// - Parameters:
  ///   - name: What was written.
  ///   - candidates: The names that exist, in the order of preference.
  /// - Returns: The nearest candidate, or `nil` when more than a third of its letters differ.
  package static func nearest(to name: String, in candidates: [String]) -> String? {
    let written = letters(of: name)
    var best: (name: String, distance: Int)?
    for candidate in candidates {
      let known = letters(of: candidate)
      let distance = distance(written, known)
      let limit = max(1, max(written.count, known.count) / 3)
      // Names of one or two letters differ in a single one by nature: only the same name counts.
      guard distance <= (min(written.count, known.count) < 3 ? 0 : limit) else { continue }
      if distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.name
  }

  /// The hint for a misspelt name: the nearest candidate, or else the whole list.
  package static func hint(for name: String, in candidates: [String], others: String) -> String? {
    if let nearest = nearest(to: name, in: candidates) { return "did you mean '\(nearest)'?" }
    guard !candidates.isEmpty else { return nil }
    return others + ": " + candidates.joined(separator: ", ")
  }

  private static func letters(of name: String) -> [Character] {
    name.lowercased().map { $0 == "-" || $0 == " " ? "_" : $0 }
  }

  /// The number of edits between two words (optimal string alignment), in rows of the table.
  private static func distance(_ a: [Character], _ b: [Character]) -> Int {
    var twoAbove: [Int] = []
    var above = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      row.reserveCapacity(b.count + 1)
      for j in b.indices {
        var edits = min(above[j + 1] + 1, row[j] + 1, above[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          edits = min(edits, twoAbove[j - 1] + 1)
        }
        row.append(edits)
      }
      (twoAbove, above) = (above, row)
    }
    return above[b.count]
  }
}
