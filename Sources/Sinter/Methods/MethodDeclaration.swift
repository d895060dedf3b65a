/// What a merge method says of itself: everything that the recipe checker, the planner, the
/// `sinter methods` command and the documentation need to know without running it.
public struct MethodDeclaration: Sendable, Hashable {
  /// What the method does with a base model.
  public enum BasePolicy: String, Sendable, Hashable {
    /// There must be a base model; it is not one of the models that are merged.
    case required
    /// A base model may be given; it is not one of the models that are merged.
    case optional
    /// A base model is one more input like any other.
    case ignored
  }

  /// The name that recipes use, such as `task_arithmetic`.
  public let name: String
  /// The name that people use, such as "Task Arithmetic".
  public let title: String
  /// One line: what the method does.
  public let summary: String
  /// The formula in plain text, one line per step.
  public let formula: String
  /// When to choose the method, in a sentence or two.
  public let goodFor: String
  /// What the method does with a base model.
  public let base: BasePolicy
  /// How many models it merges, the base model not counted unless it is an ordinary input.
  public let models: ClosedRange<Int>
  /// Its parameters, in the order in which they are shown.
  public let parameters: [ParameterDeclaration]
  /// Where the method was published: a URL, or `nil`.
  public let source: String?
  /// How results differ from those of mergekit, one sentence each.
  public let differences: [String]
  /// A recipe that shows the method, in YAML.
  public let example: String
  /// Whether recipes give the method a formula, and names for its inputs.
  ///
  /// What the formula uses of the recipe's parameters is added to those that are declared.
  public let takesFormula: Bool

  /// Declares a method.
  public init(
    name: String, title: String, summary: String, formula: String, goodFor: String,
    base: BasePolicy, models: ClosedRange<Int>, parameters: [ParameterDeclaration],
    source: String?, differences: [String], example: String, takesFormula: Bool = false
  ) {
    self.name = name
    self.title = title
    self.summary = summary
    self.formula = formula
    self.goodFor = goodFor
    self.base = base
    self.models = models
    self.parameters = parameters
    self.source = source
    self.differences = differences
    self.example = example
    self.takesFormula = takesFormula
  }
}
