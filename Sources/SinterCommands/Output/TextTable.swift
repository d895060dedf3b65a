/// Rows of texts, printed in columns.
struct TextTable {
  private var rows: [[String]] = []

  /// Adds a row; rows may differ in their number of columns.
  mutating func add(_ row: [String]) {
    rows.append(row.map { PrintableText($0).description })
  }

  /// The lines, columns two spaces apart, no spaces at the end.
  ///
  /// - Parameter indentation: the number of spaces before each line.
  /// - Returns: one line for each row.
  func lines(indentation: Int = 2) -> [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      var line = String(repeating: " ", count: indentation)
      var padding = 0
      for (column, cell) in row.enumerated() {
        if !cell.isEmpty {
          line += String(repeating: " ", count: padding) + cell
          padding = 0
        }
        padding += widths[column] - cell.count
        // A column that is empty in all rows takes no room.
        if widths[column] > 0 { padding += 2 }
      }
      return line
    }
  }
}
