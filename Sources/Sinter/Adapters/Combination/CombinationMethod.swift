/// A way to make one update of the updates of several adapters.
///
/// Recipes for adapters name these methods, with the parameters that they have for models. No base
/// takes part: an update is the difference from a base of zeros.
public struct CombinationMethod: Sendable {
  /// What the method says of itself.
  public let declaration: MethodDeclaration
  let arithmetic: Arithmetic

  /// How the method computes.
  enum Arithmetic: Sendable {
    /// A weighted sum: the factors are put side by side, nothing is lost.
    case sum
    /// A merge of the updates themselves, element by element, from a base of zeros.
    case elements(any MergeMethod.Type)
    /// A merge of what the updates are in a basis that they share.
    case sharedBasis(any MergeMethod.Type)
  }

  /// All of them, in the order in which they are listed.
  public static let all: [CombinationMethod] =
    [concatenate, averaged, summed]
    + [
      TIES.self, DARELinear.self, DARETIES.self, MagnitudePruning.self, Breadcrumbs.self,
      BreadcrumbsTIES.self, DELLALinear.self, DELLA.self,
    ].map { elements($0) } + [knots]

  /// What they say of themselves.
  public static var declarations: [MethodDeclaration] { all.map(\.declaration) }

  /// The method of a name, or `nil`.
  static func named(_ name: String) -> CombinationMethod? {
    all.first { $0.declaration.name == name }
  }

  // MARK: The methods

  private static let concatenate = CombinationMethod(
    declaration: MethodDeclaration(
      name: "concatenate", title: "Concatenation",
      summary: "puts the factors side by side: the weighted sum of the updates, exactly",
      formula: "ΔW = Σ wᵢ·ΔWᵢ", goodFor: "Adapters that are to act together, as they are.",
      base: .ignored, models: 1...Int.max, parameters: [weight], source: nil, differences: [],
      example: example("concatenate")),
    arithmetic: .sum)

  private static let averaged = CombinationMethod(
    declaration: withoutBase(Linear.declaration), arithmetic: .sum)

  private static let summed = CombinationMethod(
    declaration: withoutBase(TaskArithmetic.declaration), arithmetic: .sum)

  private static func elements(_ method: any MergeMethod.Type) -> CombinationMethod {
    CombinationMethod(
      declaration: withoutBase(method.declaration), arithmetic: .elements(method))
  }

  private static let knots = CombinationMethod(
    declaration: MethodDeclaration(
      name: "knots", title: "KnOTS",
      summary: "aligns the updates in a basis that they share, and merges them there as TIES does",
      formula: """
        [ΔW₁ … ΔWₙ] = U·Σ·[V₁ … Vₙ]ᵀ
        V = TIES of V₁ … Vₙ, with the weights wᵢ
        ΔW = U·Σ·Vᵀ
        """,
      goodFor: "Adapters of one base for different tasks, whose updates hardly align.",
      base: .ignored, models: 1...Int.max,
      parameters: withoutBase(TIES.declaration).parameters,
      source: "https://arxiv.org/abs/2410.19735", differences: [], example: example("knots")),
    arithmetic: .sharedBasis(TIES.self))

  private static let weight = ParameterDeclaration(
    "weight", scope: .input, kind: .anyNumber, default: .value(.number(1)),
    meaning: "factor on the adapter's update")

  /// A method of models as one of adapters: it needs no base, and weights are 1 when not given.
  private static func withoutBase(_ method: MethodDeclaration) -> MethodDeclaration {
    MethodDeclaration(
      name: method.name, title: method.title, summary: method.summary, formula: method.formula,
      goodFor: method.goodFor, base: .ignored, models: 1...Int.max,
      parameters: method.parameters.map { parameter in
        guard parameter.default == .required else { return parameter }
        return ParameterDeclaration(
          parameter.name, scope: parameter.scope, kind: parameter.kind,
          default: .value(.number(1)), meaning: parameter.meaning)
      },
      source: method.source, differences: method.differences, example: example(method.name))
  }

  private static func example(_ name: String) -> String {
    """
    merge_method: \(name)
    models:
      - model: ./adapters/math
        parameters: {weight: 0.8}
      - model: ./adapters/code
        parameters: {weight: 0.8}
    """
  }
}

/// Keeps the largest elements of each difference and adds them (what PEFT calls `magnitude_prune`).
struct MagnitudePruning: TaskVectorMethod {
  let taskVectors: TaskVectorMerge

  init(_ group: MergeGroup) throws(MethodFault) {
    taskVectors = try TaskVectorMerge(group, sparsification: .magnitude, electsSign: false)
  }

  static let declaration = MethodDeclaration(
    name: "magnitude_prune", title: "Magnitude Pruning",
    summary: "keeps the largest elements of each difference and adds them",
    formula: """
      dᵢ = the density·n elements of largest magnitude of xᵢ - b, 0 elsewhere
      out = b + λ·Σ wᵢ·dᵢ              (normalize: false)
      out = b + λ·Σ wᵢ·dᵢ / Σ wᵢ       (normalize: true)
      """,
    goodFor: "Differences that live in few of their elements.",
    base: .required, models: 1...Int.max,
    parameters: TaskVectorParameters.all(normalize: false, rescale: false), source: nil,
    differences: [],
    example: """
      merge_method: magnitude_prune
      base_model: ./base
      models:
        - model: ./math
          parameters: {weight: 0.8, density: 0.5}
      """)
}
