import Foundation
import Testing

@testable import Sinter

/// Holds the pages of the documentation against what the methods say of themselves.
@Suite struct MethodPagesTests {
  private static let catalog = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Sources/Sinter/Sinter.docc")

  @Test func `every method has a page, and every page a method`() throws {
    let files = try FileManager.default.contentsOfDirectory(
      atPath: Self.catalog.appendingPathComponent("Methods").path)
    let types = MethodRegistry.builtIn.methods.map { "\($0)" }
    #expect(files.sorted() == types.map { $0 + ".md" }.sorted())
  }

  @Test func `the start page lists all methods in the order of the registry`() throws {
    let page = try MethodPage(Self.catalog.appendingPathComponent("Sinter.md"))
    let listed = page.lines(below: "### Methods").filter { $0.hasPrefix("- ") }
    #expect(listed == MethodRegistry.builtIn.methods.map { "- ``\($0)``" })
  }

  @Test func `the error of every method has been measured, and is that of one rounding`() throws {
    let page = try MethodPage(Self.catalog.appendingPathComponent("Accuracy.md"))
    let rows = page.rows(below: "## Overview")
    #expect(rows.map { $0.first } == MethodRegistry.builtIn.declarations.map(\.name))
    for row in rows {
      for error in row.dropFirst() { #expect(try #require(Double(error)) <= 0.5) }
    }
  }

  @Test(arguments: MethodRegistry.builtIn.declarations.map(\.name))
  func `a page says what its method declares`(name: String) throws {
    let type = try #require(MethodRegistry.builtIn[name])
    let method = type.declaration
    let page = try MethodPage(Self.catalog.appendingPathComponent("Methods/\(type).md"))

    #expect(page.lines.first == "# ``Sinter/\(type)``")
    #expect(page.abstract == "\(method.title) (`\(name)`): \(method.summary).")

    let formula = page.block(below: "## Formula").map(MethodPage.collapsed)
    for line in method.formula.split(separator: "\n") {
      #expect(formula.contains(MethodPage.collapsed(String(line))))
    }

    let rows = page.rows(below: "## Parameters")
    #expect(rows.map { $0.first } == method.parameters.map { "`\($0.name)`" })
    for (row, parameter) in zip(rows, method.parameters) {
      try #require(row.count == 5)
      #expect(row[1] == parameter.scope.rawValue)
      #expect(row[2] == Self.words(for: parameter.kind))
      #expect(row[3] == Self.words(for: parameter.default))
      #expect(row[4].replacing("`", with: "").hasPrefix(parameter.meaning))
    }

    let source = page.lines(below: "## Source").joined(separator: " ")
    if let address = method.source {
      #expect(source.contains("](\(address))"))
    } else {
      #expect(source.isEmpty)
    }

    let recipe = method.example.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(page.block(below: "## Example") == recipe.map(String.init))
    #expect(!page.lines(below: "## Good for").isEmpty)
    #expect(!page.lines(below: "## Differences from mergekit").isEmpty)
  }

  @Test func `every picture is shown, small, and there`() throws {
    let folder = Self.catalog.appendingPathComponent("Resources")
    let pages = MethodRegistry.builtIn.methods.map { "Methods/\($0).md" } + ["Performance.md"]
    let shown = try pages.flatMap { page in
      try MethodPage(Self.catalog.appendingPathComponent(page)).pictures
    }
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(files.sorted() == shown.map { $0 + ".svg" }.sorted())
    for file in files {
      let drawing = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
      #expect(drawing.utf8.count < 20_000)
      #expect(drawing.hasPrefix("<svg ") && drawing.hasSuffix("</svg>\n"))
    }
  }

  private static func words(for kind: ParameterKind) -> String {
    switch kind {
    case .number(let range):
      let (low, high) = (range.lowerBound, range.upperBound)
      if low.isFinite, high.isFinite {
        return "\(ParameterValue.number(low))...\(ParameterValue.number(high))"
      }
      if low.isFinite { return "\(ParameterValue.number(low)) or more" }
      return high.isFinite ? "\(ParameterValue.number(high)) or less" : "any number"
    case .integer(let range): return "\(range.lowerBound)...\(range.upperBound)"
    case .boolean: return "true or false"
    case .choice(let words):
      return words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
    }
  }

  private static func words(for value: ParameterDeclaration.Default) -> String {
    switch value {
    case .required: "required"
    case .absent: "none"
    case .value(let value): value.description.replacing("e-0", with: "e-")
    }
  }
}

/// A page of the documentation, as its source text.
private struct MethodPage {
  let lines: [String]

  init(_ file: URL) throws {
    lines = try String(contentsOf: file, encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// The paragraph below the title, in one line.
  var abstract: String {
    lines.dropFirst(2).prefix { !$0.isEmpty }.joined(separator: " ")
  }

  /// The names of the pictures.
  var pictures: [String] {
    lines.filter { $0.hasPrefix("![") }.compactMap { line in
      line.lastIndex(of: "(").map { String(line[line.index(after: $0)...].dropLast()) }
    }
  }

  /// What stands below a heading, up to the next one of the same or a higher level, without the
  /// empty lines around it; nothing when there is no such heading.
  func lines(below heading: String) -> [String] {
    guard let start = lines.firstIndex(of: heading) else { return [] }
    let level = heading.prefix { $0 == "#" }.count
    var isCode = false
    var body: [String] = []
    for line in lines[(start + 1)...] {
      if line.hasPrefix("```") { isCode.toggle() }
      let marks = line.prefix { $0 == "#" }.count
      if !isCode, marks > 0, marks <= level { break }
      body.append(line)
    }
    while body.first?.isEmpty == true { body.removeFirst() }
    while body.last?.isEmpty == true { body.removeLast() }
    return body
  }

  /// The lines of the first block of code below a heading.
  func block(below heading: String) -> [String] {
    let rest = lines(below: heading).drop { !$0.hasPrefix("```") }.dropFirst()
    return rest.prefix { $0 != "```" }.map { $0 }
  }

  /// The cells of the table below a heading, without its head.
  func rows(below heading: String) -> [[String]] {
    lines(below: heading).filter { $0.hasPrefix("| ") }.dropFirst().map { line in
      line.dropFirst(2).dropLast(2).components(separatedBy: " | ")
    }
  }

  /// A line with one space in place of several.
  static func collapsed(_ line: String) -> String {
    line.split(separator: " ").joined(separator: " ")
  }
}
