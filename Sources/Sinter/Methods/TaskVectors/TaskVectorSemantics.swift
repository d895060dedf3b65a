/// Whose meaning of a method's name holds, where publications and programs differ.
///
/// See the page "One name, several meanings" of the documentation.
enum TaskVectorSemantics: String {
  case mergekit
  case paper
  case peft

  /// What a group's parameters ask for; that of mergekit where they ask for nothing.
  init(_ parameters: GroupParameters) {
    if case .choice(let word)? = parameters.tensor["semantics"],
      let semantics = TaskVectorSemantics(rawValue: word)
    {
      self = semantics
    } else {
      self = .mergekit
    }
  }

  /// Whether the vote on the sign is on weighted differences.
  var votesByWeight: Bool { self == .mergekit }

  /// Whether a sum of zero elects the positive sign; otherwise it elects none.
  var zeroIsPositive: Bool { self != .paper }

  /// Whether the sum is divided by the number of models that agree instead of their weights.
  var dividesByCount: Bool { self == .peft }

  /// Whether what is kept at random is divided by its probability instead of matching sums.
  var rescalesByProbability: Bool { self != .mergekit }

  /// The parameter of a method that knows the given meanings.
  static func parameter(_ meanings: TaskVectorSemantics...) -> ParameterDeclaration {
    ParameterDeclaration(
      "semantics", scope: .tensor, kind: .choice(meanings.map(\.rawValue)),
      default: .value(.choice(TaskVectorSemantics.mergekit.rawValue)),
      meaning: "whose meaning of the method's name holds")
  }
}
