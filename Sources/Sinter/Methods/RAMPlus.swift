public import SinterTensors

/// Keeps and amplifies changes that one model made, and averages those that several made
/// (RAM+ with factors for each tensor, arXiv:2601.13572).
public struct RAMPlus: MergeMethod {
  private let epsilon: Double
  private let r: Double
  private let alpha: Double
  private let modelCount: Int

  /// Prepares the merge of one group.
  ///
  /// - Parameter group: the group, its first input the base.
  public init(_ group: MergeGroup) {
    epsilon = group.parameters.number("epsilon") ?? 0
    r = group.parameters.number("r") ?? 0
    alpha = group.parameters.number("alpha") ?? 0
    modelCount = group.models.count
  }

  /// A row of counts.
  public var scratchRows: Int { 1 }

  /// How many elements each model changed alone and together with others.
  public struct Survey: TensorSurvey {
    /// The counts over a run of tiles.
    public struct Partial: Sendable {
      fileprivate(set) var unique: [Int]
      fileprivate(set) var shared: [Int]
    }

    private let method: RAMPlus
    private var counts: Partial
    /// By what the changes that each model made alone are multiplied; empty before the one pass that
    /// is needed has been made.
    fileprivate private(set) var factors: [Double] = []
    /// Whether that pass has been made.
    public private(set) var isComplete = false

    fileprivate init(_ method: RAMPlus) {
      self.method = method
      let none = [Int](repeating: 0, count: method.modelCount)
      counts = Partial(unique: none, shared: none)
    }

    /// Counts that are zero.
    public func makePartial() -> Partial {
      let none = counts.unique.map { _ in 0 }
      return Partial(unique: none, shared: none)
    }

    /// Adds the counts of a run of tiles.
    public mutating func add(_ partial: Partial) {
      for model in counts.unique.indices {
        counts.unique[model] += partial.unique[model]
        counts.shared[model] += partial.shared[model]
      }
    }

    /// Ends the pass.
    public mutating func finishPass() {
      factors = zip(counts.unique, counts.shared).map { method.factor(unique: $0, shared: $1) }
      isComplete = true
    }
  }

  /// A survey that has seen nothing yet.
  public static func makeSurvey(_ groups: [RAMPlus]) -> Survey {
    Survey(groups[0])
  }

  /// Counts the changes of one tile.
  public func survey(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: Survey, into partial: inout Survey.Partial
  ) {
    ActiveChanges.find(in: &tile, above: epsilon, counts: &scratch)
    let counts = scratch[0]
    for model in 0..<modelCount {
      let change = tile[model + 1]
      var (unique, active) = (0 as UInt32, 0 as UInt32)
      // With `for` bounds checks stay in this loop and keep it from becoming vector code.
      var i = 0
      while i < counts.count && i < change.count {
        active &+= change[i] != 0 ? 1 : 0
        unique &+= change[i] != 0 && counts[i] == 1 ? 1 : 0
        i &+= 1
      }
      partial.unique[model] += Int(unique)
      partial.shared[model] += Int(active - unique)
    }
  }

  /// The factor of the changes that a model made alone.
  ///
  /// - Parameters:
  ///   - unique: how many it made alone.
  ///   - shared: how many others made too.
  /// - Returns: a number of at least 1.
  private func factor(unique: Int, shared: Int) -> Double {
    // Without changes of its own the factor is not used.
    guard unique > 0 else { return 1 }
    return 1 + r * min(Double(shared) / max(Double(unique), epsilon), alpha)
  }

  /// Merges one tile.
  public func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: Survey, into output: inout MutableSpan<Double>
  ) {
    RowArithmetic.placeActive(
      of: tile.rows(1..<tile.rows), times: survey.factors.span, on: tile[0], above: epsilon,
      into: &output)
  }
}

extension RAMPlus {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "ramplus_tl",
    title: "Reinforced Agent Merging Plus (Tensor-Local)",
    summary: "like ram, with the changes of one model alone amplified",
    formula: """
      dᵢ  = xᵢ - b where |xᵢ - b| > epsilon, 0 elsewhere
      c   = how many dᵢ are not 0, for each element
      ρᵢ  = changes of model i with c > 1 / changes of model i with c = 1, counted in the tensor
      Lᵢ  = 1 + r·min(ρᵢ, alpha)
      out = b + Lᵢ·dᵢ where c = 1, b + Σ dᵢ / max(c, 1) elsewhere
      """,
    goodFor: """
      Agents whose changes overlap much: what the average takes from a model's shared changes is made \
      up for in those that are its own.
      """,
    base: .required,
    models: 1...Int.max,
    parameters: [
      ParameterDeclaration(
        "r", scope: .tensor, kind: .number(0...Double.infinity), default: .value(.number(0.1)),
        meaning: "how much the overlap amplifies changes of one model alone"),
      ParameterDeclaration(
        "alpha", scope: .tensor, kind: .number(0...Double.infinity), default: .value(.number(0.2)),
        meaning: "the largest overlap that counts"),
      RAM.epsilon,
    ],
    source: "https://arxiv.org/abs/2601.13572",
    differences: [
      "The output has the type of the inputs; mergekit gives F32 for BF16 and F16.",
      "A negative r, alpha or epsilon is an error.",
      "Differences are not rounded to the type of the tensors before they are compared and added.",
    ],
    example: """
      merge_method: ramplus_tl
      base_model: ./base
      models:
        - model: ./coder
        - model: ./searcher
      parameters:
        r: 0.1
        alpha: 0.2
      """)
}
