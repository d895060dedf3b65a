import Safetensors
import Sinter

/// What methods say of themselves, for people and for programs.
struct MethodReport {
  private let declarations: [MethodDeclaration]

  /// Prepares a report.
  init(_ declarations: [MethodDeclaration]) {
    self.declarations = declarations
  }

  // MARK: Text

  /// One line for each method.
  var list: String {
    var table = TextTable()
    for declaration in declarations { table.add([declaration.name, declaration.summary]) }
    return table.lines(indentation: 0).joined(separator: "\n")
  }

  /// All that the methods declare.
  var text: String {
    declarations.map(Self.text).joined(separator: "\n\n")
  }

  private static func text(of method: MethodDeclaration) -> String {
    var sections = [
      "\(method.name): \(method.title)\n  \(method.summary)",
      section("formula", method.formula),
      section("models", models(of: method)),
    ]
    if !method.parameters.isEmpty {
      sections.append((["parameters"] + parameters(of: method)).joined(separator: "\n"))
    }
    sections.append(section("good for", wrapped(method.goodFor)))
    if !method.differences.isEmpty {
      let items = method.differences.map { wrapped($0, indentation: "  ", first: "- ") }
      sections.append(section("differences from mergekit", items.joined(separator: "\n")))
    }
    if let source = method.source { sections.append(section("source", source)) }
    sections.append(section("example", method.example))
    return sections.joined(separator: "\n\n")
  }

  private static func section(_ title: String, _ text: String) -> String {
    title
      + text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "\n" : "\n  \($0)" }.joined()
  }

  private static func models(of method: MethodDeclaration) -> String {
    let range = method.models
    let count =
      if range.lowerBound == range.upperBound {
        CountText.of(range.lowerBound, "model")
      } else if range.upperBound == .max {
        "\(CountText.of(range.lowerBound, "model")) or more"
      } else {
        "\(range.lowerBound) to \(CountText.of(range.upperBound, "model"))"
      }
    switch method.base {
    case .required: return "\(count), and a base model, which is required"
    case .optional: return "\(count), and a base model if wanted"
    case .ignored: return "\(count); a base model counts as one of them"
    }
  }

  private static func parameters(of method: MethodDeclaration) -> [String] {
    var table = TextTable()
    for parameter in method.parameters {
      table.add([
        parameter.name, words(for: parameter.scope), words(for: parameter.kind),
        words(for: parameter.default), parameter.meaning,
      ])
    }
    return table.lines()
  }

  private static func words(for scope: ParameterScope) -> String {
    switch scope {
    case .tensor: "for the merge"
    case .input: "for each model"
    case .nonBase: "for each model but the base"
    }
  }

  private static func words(for kind: ParameterKind) -> String {
    switch kind {
    case .number(let range): "number" + bounds(range.lowerBound, range.upperBound)
    case .integer(let range):
      "integer"
        + bounds(
          range.lowerBound == .min ? -.infinity : Double(range.lowerBound),
          range.upperBound == .max ? .infinity : Double(range.upperBound))
    case .boolean: "true or false"
    case .choice(let choices): choices.joined(separator: " | ")
    }
  }

  private static func bounds(_ low: Double, _ high: Double) -> String {
    let lowText = ParameterValue.number(low).description
    let highText = ParameterValue.number(high).description
    switch (low.isFinite, high.isFinite) {
    case (true, true): return " \(lowText)...\(highText)"
    case (true, false): return ", at least \(lowText)"
    case (false, true): return ", at most \(highText)"
    case (false, false): return ""
    }
  }

  private static func words(for value: ParameterDeclaration.Default) -> String {
    switch value {
    case .required: "required"
    case .absent: "no default"
    case .value(let value): "default \(value)"
    }
  }

  /// A paragraph in lines of at most 78 characters.
  private static func wrapped(
    _ text: String, indentation: String = "", first: String = ""
  ) -> String {
    var lines: [String] = []
    var line = first
    var isEmpty = true
    for word in text.split(whereSeparator: \.isWhitespace) {
      if !isEmpty, line.count + 1 + word.count > 78 {
        lines.append(line)
        line = indentation
        isEmpty = true
      }
      line += (isEmpty ? "" : " ") + word
      isEmpty = false
    }
    return (lines + [line]).joined(separator: "\n")
  }

  // MARK: JSON

  /// The members of the document `sinter/methods`.
  var members: [(key: String, value: JSONText)] {
    [("methods", .array(declarations.map(Self.document)))]
  }

  private static func document(of method: MethodDeclaration) -> JSONText {
    .object([
      ("name", .string(method.name)),
      ("title", .string(method.title)),
      ("summary", .string(method.summary)),
      ("formula", .string(method.formula)),
      ("good_for", .string(method.goodFor)),
      ("base", .string(method.base.rawValue)),
      ("least_models", .number(method.models.lowerBound)),
      ("most_models", method.models.upperBound == .max ? .null : .number(method.models.upperBound)),
      ("parameters", .array(method.parameters.map(document))),
      ("source", JSONText(method.source)),
      ("differences", .array(method.differences.map { .string($0) })),
      ("example", .string(method.example)),
    ])
  }

  private static func document(of parameter: ParameterDeclaration) -> JSONText {
    var members: [(key: String, value: JSONText)] = [
      ("name", .string(parameter.name)), ("scope", .string(parameter.scope.rawValue)),
    ]
    switch parameter.kind {
    case .number(let range):
      members.append(("type", "number"))
      members.append(("minimum", number(range.lowerBound)))
      members.append(("maximum", number(range.upperBound)))
    case .integer(let range):
      members.append(("type", "integer"))
      members.append(("minimum", range.lowerBound == .min ? .null : .number(range.lowerBound)))
      members.append(("maximum", range.upperBound == .max ? .null : .number(range.upperBound)))
    case .boolean: members.append(("type", "boolean"))
    case .choice(let choices):
      members.append(("type", "choice"))
      members.append(("choices", .array(choices.map { .string($0) })))
    }
    members.append(("is_required", .bool(parameter.default == .required)))
    if case .value(let value) = parameter.default {
      members.append(("default", JSONText(value)))
    } else {
      members.append(("default", .null))
    }
    return .object(members + [("meaning", .string(parameter.meaning))])
  }

  private static func number(_ bound: Double) -> JSONText {
    bound.isFinite ? .verbatim(ParameterValue.number(bound).description) : .null
  }
}
