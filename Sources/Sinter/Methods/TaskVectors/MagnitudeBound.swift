import SinterTensors

/// The bound of the elements of largest magnitude of a task vector, found in several passes.
///
/// The magnitude itself takes one to four (see `MagnitudeSelection`), and one more where not all
/// elements that equal it lie within the bound.
struct MagnitudeBound: Sendable {
  /// What the next pass has to find out.
  enum Need: Sendable, Hashable {
    case nothing
    case histogram
    case ties
  }

  /// What a run of tiles contributes to a pass.
  struct Partial: Sendable {
    fileprivate var pass: MagnitudeSelection.Pass?
    fileprivate var ties: [(tile: Int, count: Int)] = []

    /// Looks at one tile.
    mutating func add(_ delta: Span<Double>, tile: Int, _ bound: MagnitudeBound) {
      switch bound.need {
      case .nothing: break
      case .histogram: pass?.add(delta)
      case .ties: ties.append((tile, bound.selection.threshold.tieCount(in: delta)))
      }
    }
  }

  private let tileCount: Int
  private var selection: MagnitudeSelection
  private var pass: MagnitudeSelection.Pass?
  private var ties: TieCounts?
  private var quotas: [TieQuota] = []
  private(set) var need = Need.nothing

  /// Starts to look for a bound.
  ///
  /// - Parameters:
  ///   - kept: how many elements lie within it.
  ///   - count: how many elements there are.
  ///   - tileCount: the number of tiles that hold them.
  init(keeping kept: Int, of count: Int, tileCount: Int) {
    self.tileCount = tileCount
    selection = MagnitudeSelection(keeping: kept, of: count, as: Double.self)
    decideNeed()
  }

  func makePartial() -> Partial {
    Partial(pass: need == .histogram ? selection.makePass() : nil)
  }

  mutating func add(_ partial: Partial) {
    if let new = partial.pass {
      if pass == nil { pass = new } else { pass?.add(new) }
    }
    for (tile, count) in partial.ties { ties?.add(count, tile: tile) }
  }

  mutating func finishPass() {
    switch need {
    case .nothing:
      break
    case .histogram:
      if let pass { selection.finish(pass) }
      pass = nil
    case .ties:
      quotas = ties?.quotas(for: selection.threshold.ties) ?? []
      ties = nil
    }
    decideNeed()
  }

  private mutating func decideNeed() {
    if !selection.isComplete {
      need = .histogram
    } else if case .first = selection.threshold.ties, quotas.isEmpty {
      ties = TieCounts(tiles: tileCount)
      need = .ties
    } else {
      need = .nothing
    }
  }

  /// Sets the elements of a tile that lie beyond the bound to zero.
  func keep(_ delta: inout MutableSpan<Double>, tile: Int) {
    let threshold = selection.threshold
    threshold.apply(to: &delta, ties: quotas.isEmpty ? threshold.ties : quotas[tile])
  }

  /// Sets the elements of a tile that lie within the bound to zero.
  func remove(_ delta: inout MutableSpan<Double>, tile: Int) {
    let threshold = selection.threshold
    threshold.remove(from: &delta, ties: quotas.isEmpty ? threshold.ties : quotas[tile])
  }
}
