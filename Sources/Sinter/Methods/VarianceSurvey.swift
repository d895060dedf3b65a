import SinterTensors

/// What SCE must know of a whole tensor: where the models differ most, and how large the changes of
/// each are there.
///
/// A selection takes one pass to count the elements in which models differ, up to four for the
/// threshold, and one more where some of equal variance are left out. The sums of squares take a
/// last one.
public struct VarianceSurvey: TensorSurvey {
  /// What a pass has to find out.
  enum Need: Sendable, Hashable {
    case nothing
    case differing
    case histogram
    case ties
    case squares
  }

  /// What a run of tiles contributes to a pass.
  public struct Partial: Sendable {
    var differing = 0
    var pass: MagnitudeSelection.Pass?
    var ties: [(tile: Int, count: Int)] = []
    var squares: [Double]
  }

  /// What the current pass has to find out.
  private(set) var need: Need
  /// Whether some elements are left out.
  let selects: Bool
  private let share: Double
  private let elementCount: Int
  private var selection: MagnitudeSelection?
  private var quotas: [TieQuota] = []
  /// The weights of the models, all of them together 1.
  private(set) var weights: [Double]
  // What the current pass has found so far.
  private var differing = 0
  private var pass: MagnitudeSelection.Pass?
  private var ties: TieCounts
  private var squares: [Double]

  /// Starts a survey.
  ///
  /// - Parameters:
  ///   - share: the share of the differing elements that is kept, 0...1.
  ///   - elementCount: the number of elements of the tensor.
  ///   - tileCount: the number of its tiles.
  ///   - modelCount: the number of models without the base.
  init(share: Double, elementCount: Int, tileCount: Int, modelCount: Int) {
    self.share = share
    self.elementCount = elementCount
    selects = share < 1
    ties = TieCounts(tiles: tileCount)
    squares = [Double](repeating: 0, count: modelCount)
    weights = [Double](repeating: 1 / Double(max(modelCount, 1)), count: modelCount)
    need = elementCount == 0 ? .nothing : share < 1 ? .differing : .squares
  }

  /// Whether all is known.
  public var isComplete: Bool { need == .nothing }

  /// The variance, times the number of models squared, from which on elements are kept.
  var threshold: MagnitudeThreshold {
    selection?.threshold ?? MagnitudeThreshold(magnitude: .infinity, ties: .none)
  }

  /// Which of the elements of a tile that equal the threshold are kept.
  func ties(inTile tile: Int) -> TieQuota {
    quotas.isEmpty ? threshold.ties : quotas[tile]
  }

  /// The contribution of no tile.
  public func makePartial() -> Partial {
    Partial(
      pass: need == .histogram ? selection?.makePass() : nil, squares: squares.map { _ in 0 })
  }

  /// Takes up the contribution of a run of tiles.
  public mutating func add(_ partial: Partial) {
    differing += partial.differing
    if let counted = partial.pass {
      if pass == nil { pass = counted } else { pass?.add(counted) }
    }
    for (tile, count) in partial.ties { ties.add(count, tile: tile) }
    for model in squares.indices { squares[model] += partial.squares[model] }
  }

  /// Ends a pass and decides what the next has to find out.
  public mutating func finishPass() {
    switch need {
    case .nothing:
      return
    case .differing:
      selection = MagnitudeSelection(
        keeping: Int(share * Double(differing)), of: elementCount, as: Double.self)
    case .histogram:
      if let pass { selection?.finish(pass) }
      pass = nil
    case .ties:
      quotas = ties.quotas(for: threshold.ties)
    case .squares:
      decideWeights()
      need = .nothing
      return
    }
    decideNeed()
  }

  /// What comes next on the way to the threshold, and then to the weights.
  private mutating func decideNeed() {
    guard let selection, selection.keptCount > 0 else {
      // Nothing is kept, so weights do not matter.
      need = .nothing
      return
    }
    guard selection.isComplete else {
      need = .histogram
      return
    }
    if case .first = selection.threshold.ties, quotas.isEmpty {
      need = .ties
    } else {
      need = .squares
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
