import SinterTensors

/// What SCE must know of a whole tensor: where the models differ most, and how large the changes of
/// each are there.
///
/// A selection takes a sample and, most often, one pass; see `MagnitudeSelection`. The sums of
/// squares take another one.
public struct VarianceSurvey: TensorSurvey {
  /// What a pass has to find out.
  enum Need: Sendable, Hashable {
    case nothing
    case selection
    case squares
  }

  /// What a run of tiles contributes to a pass.
  public struct Partial: Sendable {
    var pass: MagnitudeSelection.Pass?
    var squares: [Double]
  }

  /// What the current pass has to find out.
  private(set) var need: Need
  /// Whether some elements are left out.
  let selects: Bool
  private let elementCount: Int
  private var selection: MagnitudeSelection?
  /// The weights of the models, all of them together 1.
  private(set) var weights: [Double]
  // What the current pass has found so far.
  private var pass: MagnitudeSelection.Pass?
  private var squares: [Double]

  /// Starts a survey.
  ///
  /// - Parameters:
  ///   - share: the share of the differing elements that is kept, 0...1.
  ///   - elementCount: the number of elements of the tensor.
  ///   - modelCount: the number of models without the base.
  init(share: Double, elementCount: Int, modelCount: Int) {
    self.elementCount = elementCount
    selects = share < 1
    squares = [Double](repeating: 0, count: modelCount)
    weights = [Double](repeating: 1 / Double(max(modelCount, 1)), count: modelCount)
    need = elementCount == 0 ? .nothing : .squares
    guard selects, elementCount > 0 else { return }
    selection = MagnitudeSelection(keepingShareOfNonzero: share, of: elementCount)
    decideNeed()
  }

  /// Whether all is known.
  public var isComplete: Bool { need == .nothing }

  /// A sample, where the threshold is looked for in many elements; some tiles, where it is known and
  /// only the last of its equals is looked for.
  public var coverage: PassCoverage {
    guard need == .selection, let selection else { return .everything }
    if selection.samples { return .sample }
    return selection.tiles.map { .tiles([TileRun(group: 0, tiles: $0)]) } ?? .everything
  }

  /// Sets the variances of the elements of a tile that are not selected to zero.
  func select(_ variances: inout MutableSpan<Double>, tile: Int) {
    selection?.keep(&variances, tile: tile)
  }

  /// The contribution of no tile.
  public func makePartial() -> Partial {
    Partial(
      pass: need == .selection ? selection?.makePass() : nil, squares: squares.map { _ in 0 })
  }

  /// Takes up the contribution of a run of tiles.
  public mutating func add(_ partial: Partial) {
    if let counted = partial.pass {
      if pass == nil { pass = counted } else { pass?.add(counted) }
    }
    for model in squares.indices { squares[model] += partial.squares[model] }
  }

  /// Ends a pass and decides what the next has to find out.
  public mutating func finishPass() {
    switch need {
    case .nothing:
      return
    case .selection:
      if let pass { selection?.finish(pass) }
      pass = nil
      decideNeed()
    case .squares:
      decideWeights()
      need = .nothing
    }
  }

  /// What comes next on the way to the threshold, and then to the weights.
  private mutating func decideNeed() {
    if selection?.isComplete == false {
      need = .selection
    } else {
      // Where nothing is kept, weights do not matter.
      need = selection?.keptCount == 0 ? .nothing : .squares
    }
  }

  private mutating func decideWeights() {
    let means = squares.map { $0 / Double(elementCount) }
    let sum = means.reduce(0, +)
    // Below this sum mergekit gives all models the same weight, and so do we: it is what happens to
    // ordinary fine-tunes.
    guard sum >= Self.leastSum else { return }
    weights = means.map { $0 / sum }
  }

  /// The sum of mean squares from which on models are weighed by them.
  static let leastSum = 1e-6
}
