import SinterTensors

/// The facts about task vectors that thinning them out needs: the magnitude from which on elements
/// are kept, which of those that equal it are kept, and the sums by which the rest is rescaled.
///
/// Thresholds take one to four passes (see `MagnitudeSelection`), elements of equal magnitude one
/// more where not all of them are kept, and sums a last one where the recipe asks for rescaling.
public struct TaskVectorSurvey: TensorSurvey {
  /// What a pass has to find out about a model.
  enum Need: Sendable, Hashable {
    case nothing
    case histogram
    case ties
    case sums
  }

  /// What a run of tiles contributes to a pass.
  public struct Partial: Sendable {
    var passes: [MagnitudeSelection.Pass?]
    var ties: [[(tile: Int, count: Int)]]
    var before: [Double]
    var after: [Double]
  }

  /// What is known of one model.
  private struct State: Sendable {
    var selection: MagnitudeSelection?
    var pass: MagnitudeSelection.Pass?
    var ties: TieCounts?
    var quotas: [TieQuota] = []
    var needsSums: Bool
    var before = 0.0
    var after = 0.0
    var need = Need.nothing
  }

  private let tileCount: Int
  private var states: [State]

  init(_ merge: TaskVectorMerge) {
    tileCount = merge.tileCount
    states = merge.models.map { model in
      var state = State(needsSums: false)
      switch model.thinning {
      case .keepAll:
        break
      case .keepLargest(let kept):
        state.selection = MagnitudeSelection(
          keeping: kept, of: merge.elementCount, as: Double.self)
        state.needsSums = merge.rescales
      case .keepRandom:
        state.needsSums = merge.rescales
      }
      return state
    }
    decideNeeds()
  }

  /// What the pass has to find out about each model.
  var needs: [Need] { states.map(\.need) }

  /// Whether all is known.
  public var isComplete: Bool { states.allSatisfy { $0.need == .nothing } }

  /// The contribution of no tile.
  public func makePartial() -> Partial {
    Partial(
      passes: states.map { $0.need == .histogram ? $0.selection?.makePass() : nil },
      ties: states.map { _ in [] }, before: states.map { _ in 0 }, after: states.map { _ in 0 })
  }

  /// Takes up the contribution of a run of tiles.
  public mutating func add(_ partial: Partial) {
    for model in states.indices {
      if let pass = partial.passes[model] {
        if states[model].pass == nil {
          states[model].pass = pass
        } else {
          states[model].pass?.add(pass)
        }
      }
      for (tile, count) in partial.ties[model] { states[model].ties?.add(count, tile: tile) }
      states[model].before += partial.before[model]
      states[model].after += partial.after[model]
    }
  }

  /// Ends a pass and decides what the next has to find out.
  public mutating func finishPass() {
    for model in states.indices {
      switch states[model].need {
      case .nothing:
        break
      case .histogram:
        if let pass = states[model].pass { states[model].selection?.finish(pass) }
        states[model].pass = nil
      case .ties:
        if let threshold = states[model].selection?.threshold {
          states[model].quotas = states[model].ties?.quotas(for: threshold.ties) ?? []
        }
        states[model].ties = nil
      case .sums:
        states[model].needsSums = false
      }
    }
    decideNeeds()
  }

  private mutating func decideNeeds() {
    for model in states.indices {
      states[model].need = .nothing
      if let selection = states[model].selection {
        if !selection.isComplete {
          states[model].need = .histogram
          continue
        }
        if case .first = selection.threshold.ties, states[model].quotas.isEmpty {
          states[model].ties = TieCounts(tiles: tileCount)
          states[model].need = .ties
          continue
        }
      }
      if states[model].needsSums { states[model].need = .sums }
    }
  }

  /// The threshold of a model.
  func threshold(ofModel model: Int) -> MagnitudeThreshold {
    states[model].selection?.threshold ?? MagnitudeThreshold(magnitude: 0, ties: .all)
  }

  /// The threshold of a model and which of the elements of a tile that equal it are kept.
  func threshold(ofModel model: Int, tile: Int) -> (MagnitudeThreshold, TieQuota) {
    let threshold = threshold(ofModel: model)
    let quotas = states[model].quotas
    return (threshold, quotas.isEmpty ? threshold.ties : quotas[tile])
  }

  /// By what a thinned-out task vector is multiplied: the sum of magnitudes before, divided by that
  /// after; 1 without rescaling, when nothing was left to rescale and when the sums are not finite.
  func factor(ofModel model: Int) -> Double {
    let state = states[model]
    guard state.before > 0, state.after > 0 else { return 1 }
    let factor = state.before / state.after
    return factor.isFinite ? factor : 1
  }
}
