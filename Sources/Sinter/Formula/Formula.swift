/// An arithmetic expression over the elements of models: a merge method that a recipe writes down.
///
/// ```
/// m = math - base
/// base + k * where(abs(m) >= quantile(abs(m), 0.8), m, 0)
/// ```
/// The language has no loops and touches nothing but numbers, so that the formulas of strangers can
/// be run. A value of this type has been checked: it has a result, and every name means something.
public struct Formula: Sendable, Hashable {
  /// The text.
  public let text: String
  /// The names of the models that the result is made from, in the order of their first use; the
  /// base model is `base`.
  public let models: [String]
  /// The parameters that the result is made from, in the order of their first use.
  public let parameters: [String]
  /// What is computed.
  let graph: FormulaGraph
  /// The place of the result among the graph's nodes.
  let result: Int

  /// How many characters a formula may have.
  static let longest = 10_000

  /// Reads a formula that stands by itself.
  ///
  /// - Parameters:
  ///   - text: the formula.
  ///   - models: the names of the models beside the base.
  ///   - hasBase: whether there is a base model, named `base`.
  ///   - parameters: the names of the parameters.
  /// - Throws: ``DiagnosticError`` with all that is wrong, with lines and columns of the text.
  public init(
    _ text: String, models: [String], hasBase: Bool, parameters: [String] = []
  ) throws(DiagnosticError) {
    let names = FormulaNames(models: models, hasBase: hasBase, parameters: parameters)
    let (formula, diagnostics) = Self.read(FormulaText(text), names: names)
    guard let formula else { throw DiagnosticError(diagnostics) }
    self = formula
  }

  /// Reads a formula.
  ///
  /// - Parameters:
  ///   - text: the formula.
  ///   - names: the names that it may use.
  ///   - file: the file as messages name it.
  /// - Returns: the formula, or `nil` when something is wrong with it; and the faults and warnings.
  static func read(
    _ text: FormulaText, names: FormulaNames, file: String? = nil
  ) -> (formula: Formula?, diagnostics: [Diagnostic]) {
    var faults = FormulaFaults(in: text, of: file)
    guard text.scalars.count <= longest else {
      faults.report(
        at: 0, "the formula has \(text.scalars.count) characters, at most \(longest) are read")
      return (nil, faults.diagnostics)
    }
    let tokens = FormulaLexer.tokens(of: text, &faults)
    let syntax = FormulaParser.syntax(of: tokens, &faults)
    let checked = FormulaChecker.check(syntax, names: names, &faults)
    return (checked.map { Formula(text.text, $0.graph, $0.result) }, faults.diagnostics)
  }

  private init(_ text: String, _ graph: FormulaGraph, _ result: Int) {
    self.text = text
    self.graph = graph
    self.result = result
    let needed = graph.closure(of: [result])
    let nodes = graph.nodes.indices.filter { needed.contains($0) }.map { graph.nodes[$0] }
    models = nodes.compactMap { if case .input(let name) = $0 { name } else { nil } }
    parameters = nodes.compactMap { if case .parameter(let name) = $0 { name } else { nil } }
  }
}
