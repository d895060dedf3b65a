import SinterTensors

/// The facts about task vectors that thinning them out needs: the magnitudes between which elements
/// are kept, which of those that equal them are kept, and the sums by which the rest is rescaled.
///
/// It covers the task vectors of one tensor, or those of all tensors: then a task vector is all
/// that a model changes in the tensors of the survey, one after another.
public struct TaskVectorSurvey: TensorSurvey {
  /// What a pass has to find out about a task vector.
  enum Need: Sendable, Hashable {
    case nothing
    case bounds
    case sums
  }

  /// What a run of tiles contributes to a pass.
  public struct Partial: Sendable {
    var vectors: [PartialVector]
    var kept: [KeptElements.TileMarks] = []
  }

  /// What a run of tiles contributes to what is known of one task vector.
  struct PartialVector: Sendable {
    var outer: MagnitudeSelection.Pass?
    var inner: MagnitudeSelection.Pass?
    var before = 0.0
    var after = 0.0

    /// Counts the magnitudes of the differences of a tile from a base.
    mutating func add(_ row: Span<Double>, minus base: Span<Double>, tile: Int) {
      MagnitudeSelection.Pass.add(row, minus: base, tile: tile, to: &outer, &inner)
    }

    /// The same for a row as it is stored, and its base, the first row.
    mutating func add(_ rows: borrowing StoredRows, row: Int, tile: Int) {
      MagnitudeSelection.Pass.add(rows, row: row, tile: tile, to: &outer, &inner)
    }
  }

  /// What is known of one task vector.
  private struct Vector: Sendable {
    /// Elements beyond it are dropped.
    var outer: MagnitudeSelection?
    /// Elements within it are dropped.
    var inner: MagnitudeSelection?
    var needsSums = false
    var before = 0.0
    var after = 0.0

    var need: Need {
      if outer?.isComplete == false || inner?.isComplete == false { return .bounds }
      return needsSums ? .sums : .nothing
    }

    /// The bounds that are not known yet.
    var wanted: [MagnitudeSelection] {
      [outer, inner].compactMap(\.self).filter { !$0.isComplete }
    }

    var samples: Bool { wanted.contains(where: \.samples) }
  }

  private var vectors: [Vector] = []
  /// The task vector that each model of each group is part of.
  private var places: [[Int]] = []
  /// What the bounds and sums found in the pass.
  private var passes: [PartialVector] = []
  /// The number of the first tile of each group, counted over all groups.
  private var firstTiles: [Int] = []
  /// Which elements of a single group are kept, as far as it is remembered.
  private(set) var kept: KeptElements?
  private let groups: [TaskVectorMerge]
  /// A sample, where a bound is looked for in many elements and nothing is known of it yet; some
  /// tiles, where of all bounds only the last of their equals are looked for.
  public private(set) var coverage = PassCoverage.everything
  /// What each model of each group has in the result; empty until all is known.
  private(set) var shares: [TaskVectorMerge.Shares] = []

  init(_ groups: [TaskVectorMerge]) {
    self.groups = groups
    var parts: [[Part]] = []
    var known: [TaskVectorMerge.ModelKey: Int] = [:]
    var tileCount = 0
    for group in groups {
      firstTiles.append(tileCount)
      tileCount += group.grid.count
      places.append(
        group.models.map { model in
          let place = known[model.key] ?? parts.count
          if place == parts.count {
            known[model.key] = place
            parts.append([])
          }
          parts[place].append(
            Part(model: model, count: group.elementCount, needsSums: group.matchesSums))
          return place
        })
    }
    vectors = parts.map { Self.vector($0, samples: groups.count == 1) }
    if groups.count == 1, groups[0].remembersKept {
      kept = KeptElements(groups[0].grid, vectorCount: groups[0].models.count)
    }
    if isComplete { shares = makeShares() }
    coverage = nextCoverage()
  }

  /// What a task vector changes in one tensor.
  private struct Part {
    let model: TaskVectorMerge.Model
    let count: Int
    let needsSums: Bool
  }

  private static func vector(_ parts: [Part], samples: Bool) -> Vector {
    var vector = Vector()
    guard let thinning = parts.first?.model.thinning else { return vector }
    let count = parts.reduce(0) { $0 + $1.count }
    switch thinning {
    case .keepAll:
      return vector
    case .keepPlaces(let places):
      vector.outer = MagnitudeSelection(keeping: places.upperBound, of: count, samples: samples)
      if places.lowerBound > 0 {
        vector.inner = MagnitudeSelection(
          keeping: places.lowerBound, of: count, samples: samples)
      }
      vector.needsSums = !places.isEmpty && parts[0].needsSums
    case .keepShareOfModel:
      vector.outer = MagnitudeSelection(keeping: kept(parts), of: count, samples: samples)
      vector.needsSums = parts.contains(where: \.needsSums)
    case .keepRandom, .keepRanked:
      vector.needsSums = parts[0].needsSums
    }
    return vector
  }

  /// How many elements of a model are kept: the share of each tensor's elements that its density
  /// asks for, summed and rounded down; at least one unless no density is above zero.
  private static func kept(_ parts: [Part]) -> Int {
    var counts: [Double: Int] = [:]
    for part in parts {
      if case .keepShareOfModel(let density) = part.model.thinning {
        counts[density, default: 0] += part.count
      }
    }
    let total = counts.values.reduce(0, +)
    let share = counts.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.key * Double($1.value) }
    return share > 0 ? min(max(1, Int(share)), total) : 0
  }
}

// MARK: - Passes

extension TaskVectorSurvey {
  /// Whether all is known.
  public var isComplete: Bool { vectors.allSatisfy { $0.need == .nothing } }

  private func nextCoverage() -> PassCoverage {
    let wanted = vectors.flatMap(\.wanted)
    if wanted.contains(where: \.samples) { return .sample }
    let ranges = wanted.compactMap(\.tiles)
    guard !ranges.isEmpty, ranges.count == wanted.count else { return .everything }
    return .tiles(runs(of: ranges))
  }

  /// The tiles of some ranges, which are counted over all groups, each of them once.
  private func runs(of ranges: [Range<Int>]) -> [TileRun] {
    var runs: [TileRun] = []
    var end = 0
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      let rest = max(range.lowerBound, end)..<max(range.upperBound, end)
      end = rest.upperBound
      for (group, first) in firstTiles.enumerated() {
        let own = rest.clamped(to: first..<first + groups[group].grid.count)
        if !own.isEmpty {
          runs.append(
            TileRun(group: group, tiles: own.lowerBound - first..<own.upperBound - first))
        }
      }
    }
    return runs
  }

  /// The contribution of no tile.
  public func makePartial() -> Partial {
    let samples = coverage == .sample
    func pass(_ selection: MagnitudeSelection?) -> MagnitudeSelection.Pass? {
      guard let selection, !selection.isComplete, selection.samples == samples else { return nil }
      return selection.makePass()
    }
    return Partial(
      vectors: vectors.map { PartialVector(outer: pass($0.outer), inner: pass($0.inner)) })
  }

  /// Takes up the contribution of a run of tiles.
  public mutating func add(_ partial: Partial) {
    for (place, part) in partial.vectors.enumerated() {
      vectors[place].before += part.before
      vectors[place].after += part.after
    }
    for marks in partial.kept { kept?.add(marks) }
    guard !passes.isEmpty else {
      passes = partial.vectors
      return
    }
    for (place, part) in partial.vectors.enumerated() {
      if let outer = part.outer { passes[place].outer?.add(outer) }
      if let inner = part.inner { passes[place].inner?.add(inner) }
    }
  }

  /// Ends a pass and decides what the next has to find out.
  public mutating func finishPass() {
    for place in vectors.indices {
      switch vectors[place].need {
      case .nothing:
        break
      case .bounds:
        guard !passes.isEmpty else { break }
        if let outer = passes[place].outer { vectors[place].outer?.finish(outer) }
        if let inner = passes[place].inner { vectors[place].inner?.finish(inner) }
      case .sums:
        if coverage == .everything { vectors[place].needsSums = false }
      }
    }
    passes = []
    coverage = nextCoverage()
    if isComplete { shares = makeShares() }
  }

  private func makeShares() -> [TaskVectorMerge.Shares] {
    groups.enumerated().map { group, merge in
      merge.shares(rescaledBy: merge.models.indices.map { factor(ofModel: $0, group: group) })
    }
  }
}

// MARK: - What a group asks

extension TaskVectorSurvey {
  /// What the pass has to find out about a model of a group.
  func need(ofModel model: Int, group: Int) -> Need {
    let need = vectors[places[group][model]].need
    // Sums are taken over everything.
    return need == .sums && coverage != .everything ? .nothing : need
  }

  /// Counts the magnitudes of one tile of a task vector, the difference of a model from the base.
  func count(
    _ row: Span<Double>, minus base: Span<Double>, ofModel model: Int, at position: TilePosition,
    into partial: inout Partial
  ) {
    let place = places[position.group][model]
    let tile = firstTiles[position.group] + position.tile
    partial.vectors[place].add(row, minus: base, tile: tile)
  }

  /// The same of rows as they are stored, the base the first of them, all of them finite.
  func count(
    _ rows: borrowing StoredRows, ofModel model: Int, at position: TilePosition,
    into partial: inout Partial
  ) {
    let place = places[position.group][model]
    let tile = firstTiles[position.group] + position.tile
    partial.vectors[place].add(rows, row: model + 1, tile: tile)
  }

  /// Adds to the sums of a task vector.
  func add(
    before: Double, after: Double, ofModel model: Int, group: Int, into partial: inout Partial
  ) {
    let place = places[group][model]
    partial.vectors[place].before += before
    partial.vectors[place].after += after
  }

  /// Makes a tile of a model the difference from the base, and sets the elements to zero that do
  /// not lie between the bounds.
  func keep(
    _ row: inout MutableSpan<Double>, minus base: Span<Double>, ofModel model: Int,
    at position: TilePosition
  ) {
    let vector = vectors[places[position.group][model]]
    let tile = firstTiles[position.group] + position.tile
    if let outer = vector.outer {
      outer.keep(&row, minus: base, tile: tile)
    } else {
      RowArithmetic.subtract(base, from: &row)
    }
    // The inner bound lies within the outer one, so what that dropped is not missed by this.
    vector.inner?.remove(&row, tile: tile)
  }

  /// The bounds between which a tile of a task vector is kept; `nil` where of equal elements some are.
  func bounds(ofModel model: Int, at position: TilePosition) -> MagnitudeBounds? {
    let place = places[position.group][model]
    return MagnitudeBounds(
      keptBy: vectors[place].outer, notBy: vectors[place].inner,
      tile: firstTiles[position.group] + position.tile)
  }

  /// By what a thinned-out task vector is multiplied: the sum of magnitudes before, divided by that
  /// after; 1 without rescaling, when nothing was left to rescale and when the sums are not finite.
  private func factor(ofModel model: Int, group: Int) -> Double {
    let vector = vectors[places[group][model]]
    guard vector.before > 0, vector.after > 0 else { return 1 }
    let factor = vector.before / vector.after
    return factor.isFinite ? factor : 1
  }
}
