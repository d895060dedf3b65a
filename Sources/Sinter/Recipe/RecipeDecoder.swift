import Yams

/// What could be read of a recipe, and every fault that was found on the way.
public struct DecodedRecipe: Sendable {
  /// The recipe without the parts that were faulty, or `nil` when too little is left.
  public let recipe: MergeRecipe?
  /// Whether no model, slice or level of parameters had to be left out.
  public let isComplete: Bool
  /// The faults, in the order of the text.
  public let diagnostics: [Diagnostic]
}

/// Reads the text of a recipe: YAML 1.1 or JSON.
///
/// This is the only place that knows the YAML parser.
public enum RecipeDecoder {
  /// Reads a recipe and finds all the faults that need neither methods nor checkpoints.
  ///
  /// - Parameters:
  ///   - text: The text of the file.
  ///   - file: The file as the user named it; `-` is shown as `<stdin>`.
  /// - Returns: The recipe and its faults.
  public static func decode(text: String, file: String) -> DecodedRecipe {
    let file = file == "-" ? "<stdin>" : file
    var document = YAMLDocument(text: text)
    let root = document.root()
    var reader = RecipeReader(file: file, text: text)
    let recipe = root.flatMap { reader.recipe(from: $0) }
    let diagnostics =
      document.faults.map { $0.diagnostic(file: file) } + reader.diagnostics
    return DecodedRecipe(
      recipe: recipe, isComplete: reader.isComplete && document.isComplete,
      diagnostics: diagnostics.inReadingOrder)
  }
}

extension [Diagnostic] {
  /// The diagnostics by position, each once: an alias shows the same fault at every use.
  package var inReadingOrder: [Diagnostic] {
    var seen: Set<Diagnostic> = []
    let start = SourcePosition(line: 0, column: 0)
    return enumerated()
      .sorted {
        ($0.element.position ?? start, $0.offset) < ($1.element.position ?? start, $1.offset)
      }
      .map(\.element)
      .filter { seen.insert($0).inserted }
  }
}

/// One YAML document, turned into nodes with anchors, aliases and merge keys resolved.
private struct YAMLDocument {
  private var scalars: [Unicode.Scalar]
  /// Keys that were made unique so that the parser goes on, by position, with their real names.
  private var renamed: [SourcePosition: String] = [:]
  /// How many more nodes may be made: aliases of aliases grow without bound.
  private var budget = 100_000
  private(set) var faults: [RecipeFault] = []
  /// Whether no entries had to be left out.
  private(set) var isComplete = true

  init(text: String) {
    scalars = Array(text.unicodeScalars)
    if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
  }

  /// The root of the document, or `nil` when there is none or it cannot be parsed.
  mutating func root() -> RecipeNode? {
    guard refuseControlCharacters(), let node = composed() else { return nil }
    let root = converted(node)
    if budget < 0 {
      faults = [RecipeFault(at: .start, "the aliases expand too far")]
      return nil
    }
    return root
  }

  // MARK: Parsing

  /// The parser's tree. A duplicate key, which ends the parser's work, is renamed and tried again.
  private mutating func composed() -> Node? {
    while true {
      var source = String.UnicodeScalarView()
      source.append(contentsOf: scalars)
      let text = String(source)
      do {
        guard let node = try Parser(yaml: text, encoding: .utf8).singleRoot() else {
          report("the recipe is empty", at: .start, hint: Self.example)
          return nil
        }
        return node
      } catch YamlError.duplicatedKeysInMapping(let names, let context) {
        if let name = names.first, rename(name, at: SourcePosition(context.mark)) { continue }
        report(
          "the key '\(names.first ?? "")' stands in one map twice", at: SourcePosition(context.mark)
        )
      } catch YamlError.composer(.some, _, let mark, _) {
        report(
          "a second document begins here, a file holds one recipe", at: SourcePosition(mark),
          hint: "put each recipe into a file of its own")
        return (try? Parser(yaml: text, encoding: .utf8).nextRoot()) ?? nil
      } catch YamlError.composer(.none, _, let mark, _) {
        report(
          "the alias refers to an anchor that is not defined before it", at: SourcePosition(mark),
          hint: "define it with '&NAME' before '*NAME'; a text that begins with '*' needs quotes")
      } catch YamlError.scanner(let context, let problem, let mark, _) {
        report(problem, in: context, at: mark)
      } catch YamlError.parser(let context, let problem, let mark, _) {
        report(problem, in: context, at: mark)
      } catch {
        report("the YAML cannot be read: \(error)", at: .start)
      }
      return nil
    }
  }

  private static let example = "the smallest recipe has 'merge_method' and 'models'"

  private mutating func report(_ message: String, at position: SourcePosition, hint: String? = nil)
  {
    faults.append(RecipeFault(at: position, message, hint: hint))
  }

  private mutating func report(_ problem: String, in context: YamlError.Context?, at mark: Mark) {
    let position = SourcePosition(mark)
    // The parser's own words for it name a function of its library.
    if problem.contains("nesting level") {
      report("lists and maps are nested too deeply", at: position)
      return
    }
    let place =
      context.map { $0.mark.line == mark.line ? $0.text : "\($0.text) from line \($0.mark.line)" }
    let message = "not valid YAML: " + problem + (place.map { ", \($0)" } ?? "")
    report(message, at: position, hint: hint(for: problem, at: position))
  }

  private func hint(for problem: String, at position: SourcePosition) -> String? {
    if let index = index(of: position), scalars[index] == "\t" {
      return "indent with spaces, YAML takes no tabs"
    }
    if problem.contains("mapping values are not allowed") {
      return "check the indentation; a text that holds ': ' needs quotes"
    }
    if problem.contains("did not find expected") { return "check the indentation and brackets" }
    if problem.contains("unexpected end of stream") { return "close the quotes" }
    if problem.contains("cannot start any token") { return "put the text into quotes" }
    return nil
  }

  /// Refuses what YAML refuses, but says which character it is.
  private mutating func refuseControlCharacters() -> Bool {
    var position = SourcePosition.start
    var previous: Unicode.Scalar?
    for scalar in scalars {
      let isAllowed =
        switch scalar.value {
        case 0x09, 0x0A, 0x0D, 0x20...0x7E, 0x85, 0xA0...0xFEFE, 0xFF00...0xFFFD, 0x10000...: true
        default: false
        }
      if !isAllowed {
        let code = String(scalar.value, radix: 16, uppercase: true)
        let padded = String(repeating: "0", count: max(0, 4 - code.count)) + code
        let fault = RecipeFault(
          at: position, "the character U+\(padded) is not allowed in YAML", hint: "remove it")
        faults.append(fault)
      }
      position = position.advanced(over: scalar, after: previous)
      previous = scalar
    }
    return faults.isEmpty
  }

  // MARK: Duplicate keys

  /// Changes one character of the key at a position, so that the key is unlike all others and
  /// every position stays as it is.
  private mutating func rename(_ name: String, at position: SourcePosition) -> Bool {
    guard renamed.count < 100, renamed[position] == nil, var index = index(of: position),
      let initial = name.unicodeScalars.first
    else { return false }
    if scalars[index] == "'" || scalars[index] == "\"" {
      index += 1
      guard index < scalars.count, !["'", "\"", "\\"].contains(scalars[index]) else { return false }
    }
    guard scalars[index] == initial else { return false }
    // The private use area of Unicode: allowed in YAML, and not in anybody's keys.
    let spare = (UInt32(0xE000)...0xF8FF).lazy.compactMap(Unicode.Scalar.init)
    guard let unused = spare.first(where: { !scalars.contains($0) }) else { return false }
    scalars[index] = unused
    renamed[position] = name
    return true
  }

  private func index(of wanted: SourcePosition) -> Int? {
    var position = SourcePosition.start
    var previous: Unicode.Scalar?
    for (index, scalar) in scalars.enumerated() {
      // The second half of a Windows line ending already has the position of the next line.
      let isHalf = scalar == "\n" && previous == "\r"
      if position == wanted, !isHalf { return index }
      position = position.advanced(over: scalar, after: previous)
      previous = scalar
    }
    return nil
  }

  // MARK: Nodes

  private mutating func converted(_ node: Node) -> RecipeNode? {
    budget -= 1
    guard budget >= 0 else { return nil }
    let position = SourcePosition(node.mark)
    switch node {
    case .scalar(let scalar):
      refuse(tag: scalar.tag, at: position, known: Self.scalarTags)
      let tag = scalar.tag.rawValue
      let isText = tag == "!" || tag == Tag.Name.str.rawValue
      let isQuoted = isText || (scalar.style != .plain && scalar.style != .any)
      return RecipeNode(
        content: .scalar(RecipeScalar(scalar.string, isQuoted: isQuoted)), position: position)
    case .sequence(let sequence):
      refuse(tag: sequence.tag, at: position, known: [Tag.Name.seq.rawValue])
      var list: [RecipeNode] = []
      for element in sequence {
        guard let element = converted(element) else { return nil }
        list.append(element)
      }
      return RecipeNode(content: .list(list), position: position)
    case .mapping(let mapping):
      refuse(tag: mapping.tag, at: position, known: [Tag.Name.map.rawValue])
      return RecipeNode(content: .map(entries(of: mapping)), position: position)
    case .alias:
      // The parser resolves aliases itself.
      return nil
    }
  }

  private static let scalarTags = [
    Tag.Name.str.rawValue, Tag.Name.int.rawValue, Tag.Name.float.rawValue,
    Tag.Name.bool.rawValue, Tag.Name.null.rawValue,
  ]

  private mutating func refuse(tag: Tag, at position: SourcePosition, known: [String]) {
    let name = tag.rawValue
    guard !["", "!"].contains(name), !known.contains(name) else { return }
    faults.append(
      RecipeFault(at: position, "the tag '\(name)' is not supported", hint: "remove it"))
  }

  /// The entries of a map: those of merge keys first, then its own, which win over them.
  private mutating func entries(of mapping: Node.Mapping) -> [RecipeNode.Entry] {
    var own: [RecipeNode.Entry] = []
    var merged: [RecipeNode.Entry] = []
    var firstUse: [String: SourcePosition] = [:]
    for (key, value) in mapping {
      let position = SourcePosition(key.mark)
      guard case .scalar(let scalar) = key else {
        faults.append(RecipeFault(at: position, "a key must be plain text, found a list or a map"))
        continue
      }
      let name = renamed[position] ?? scalar.string
      guard let value = converted(value) else { continue }
      if name == "<<", scalar.style == .plain {
        merged += mergedEntries(of: value)
      } else if let first = firstUse[name] {
        faults.append(
          RecipeFault(
            at: position, "duplicate key '\(name)'",
            hint: "it was first given at \(first): keep one of them"))
      } else {
        firstUse[name] = position
        own.append(RecipeNode.Entry(key: Located(name, at: position), value: value))
      }
    }
    var known = Set(firstUse.keys)
    return merged.filter { known.insert($0.key.value).inserted } + own
  }

  private mutating func mergedEntries(of value: RecipeNode) -> [RecipeNode.Entry] {
    switch value.content {
    case .map(let entries):
      return entries
    case .list(let list):
      return list.flatMap { mergedEntries(of: $0) }
    case .scalar:
      isComplete = false
      faults.append(
        RecipeFault(
          at: value.position, "'<<' must be a map or a list of maps, found \(value.found)",
          hint: "write '<<: *NAME' after '&NAME'"))
      return []
    }
  }
}

extension SourcePosition {
  static let start = SourcePosition(line: 1, column: 1)

  /// The parser counts as we do: from 1, columns in Unicode scalars.
  fileprivate init(_ mark: Mark?) {
    self = mark.map { SourcePosition(line: $0.line, column: $0.column) } ?? .start
  }

  /// The position after a character, with the line breaks of YAML 1.1.
  func advanced(
    over scalar: Unicode.Scalar, after previous: Unicode.Scalar?
  ) -> SourcePosition {
    switch scalar {
    case "\n" where previous == "\r": self
    case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": SourcePosition(line: line + 1, column: 1)
    default: SourcePosition(line: line, column: column + 1)
    }
  }
}
