import SinterTensors

/// The arithmetic that the task-vector methods share: differences from the base, thinned out,
/// weighed, perhaps put to a vote on their sign, and added to the base.
///
/// Row 0 of a tile is the base b, the others are the models xᵢ:
/// ```
/// dᵢ  = xᵢ - b, thinned out by the method's rule, times the rescale factor
/// mix = Σ wᵢ·dᵢ                  or, with a vote, over those that agree with the sign of the sum
/// out = b + λ·mix / Σ wᵢ         the division only when normalize is set
/// ```
struct TaskVectorMerge: Sendable {
  /// How a task vector is thinned out.
  enum Sparsification: Sendable {
    /// Not at all.
    case none
    /// The elements of largest magnitude are kept (TIES, arXiv:2306.01708).
    case magnitude
    /// Each element is kept with the same probability (DARE, arXiv:2311.03099).
    case random
  }

  /// What is done to one task vector.
  enum Thinning: Sendable {
    case keepAll
    case keepLargest(Int)
    case keepRandom(CounterRandom, threshold: UInt64)
  }

  /// What is known of one model.
  struct Model: Sendable {
    let weight: Double
    let thinning: Thinning
  }

  let models: [Model]
  let electsSign: Bool
  let rescales: Bool
  private let normalizes: Bool
  private let lambda: Double
  let elementCount: Int
  let tileCount: Int

  /// Prepares one group.
  ///
  /// - Parameters:
  ///   - group: the group, its first input the base.
  ///   - sparsification: how task vectors are thinned out.
  ///   - electsSign: whether elements that disagree with the sign of the weighted sum are left out.
  init(_ group: MergeGroup, sparsification: Sparsification, electsSign: Bool) {
    let parameters = group.parameters
    elementCount = group.elementCount
    tileCount = TileGrid(shape: group.shape, grain: .elements).count
    models = group.models.map { row in
      Model(
        weight: parameters.number("weight", input: row) ?? 1,
        thinning: Self.thinning(
          sparsification, density: parameters.number("density", input: row) ?? 1,
          count: group.elementCount, random: group.random(forRow: row)))
    }
    self.electsSign = electsSign
    rescales = parameters.isOn("rescale")
    normalizes = parameters.isOn("normalize")
    lambda = parameters.number("lambda") ?? 1
  }

  private static func thinning(
    _ sparsification: Sparsification, density: Double, count: Int, random: CounterRandom
  ) -> Thinning {
    guard density < 1 else { return .keepAll }
    switch sparsification {
    case .none:
      return .keepAll
    case .magnitude:
      // At least one element is kept, so that no tensor vanishes because it is small.
      let kept = density > 0 ? max(1, Int(density * Double(count))) : 0
      return .keepLargest(min(kept, count))
    case .random:
      return .keepRandom(random, threshold: CounterRandom.threshold(for: density))
    }
  }

  /// The rows of Double that ``merge(_:scratch:at:_:into:)`` needs.
  var scratchRows: Int { electsSign ? 3 : 0 }

  /// The bytes of the histograms that a survey's pass keeps: one for each model that is trimmed.
  var surveyByteCount: Int {
    models.reduce(0) { sum, model in
      if case .keepLargest = model.thinning { sum + MagnitudeSelection.passByteCount } else { sum }
    }
  }

  /// Makes row `row` of a tile the task vector of that model.
  private func subtractBase(from row: Int, of tile: inout Tile<Double>) {
    tile.update(row, with: 0) { model, base in
      for i in 0..<model.count { model[i] -= base[i] }
    }
  }

  /// Makes a row the thinned-out task vector of its model.
  private func thin(
    _ row: Int, of tile: inout Tile<Double>, at position: TilePosition, _ survey: TaskVectorSurvey
  ) {
    subtractBase(from: row, of: &tile)
    var delta = tile.mutableRow(row)
    apply(thinning: row - 1, to: &delta, at: position, survey)
  }

  private func apply(
    thinning model: Int, to delta: inout MutableSpan<Double>, at position: TilePosition,
    _ survey: TaskVectorSurvey
  ) {
    switch models[model].thinning {
    case .keepAll:
      break
    case .keepLargest:
      let (threshold, ties) = survey.threshold(ofModel: model, tile: position.tile)
      threshold.apply(to: &delta, ties: ties)
    case .keepRandom(let random, let threshold):
      random.drop(&delta, from: position.elements.lowerBound, keepingBelow: threshold)
    }
  }
}

// MARK: - Survey

extension TaskVectorMerge {
  /// Adds what a tile tells of thresholds and sums.
  func survey(
    _ tile: inout Tile<Double>, at position: TilePosition, _ survey: TaskVectorSurvey,
    into partial: inout TaskVectorSurvey.Partial
  ) {
    for (model, need) in survey.needs.enumerated() where need != .nothing {
      subtractBase(from: model + 1, of: &tile)
      switch need {
      case .nothing:
        break
      case .histogram:
        partial.passes[model]?.add(tile[model + 1])
      case .ties:
        let threshold = survey.threshold(ofModel: model)
        partial.ties[model].append((position.tile, threshold.tieCount(in: tile[model + 1])))
      case .sums:
        partial.before[model] += Reduction.sumOfAbsolutes(tile[model + 1])
        var delta = tile.mutableRow(model + 1)
        apply(thinning: model, to: &delta, at: position, survey)
        partial.after[model] += Reduction.sumOfAbsolutes(tile[model + 1])
      }
    }
  }
}

// MARK: - Merge

extension TaskVectorMerge {
  /// Merges one tile.
  func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: TaskVectorSurvey, into output: inout MutableSpan<Double>
  ) {
    for row in 1..<tile.rows { thin(row, of: &tile, at: position, survey) }
    if electsSign {
      mergeByVote(tile, &scratch, survey, into: &output)
    } else {
      add(tile, survey, into: &output)
    }
  }

  /// `out = b + Σ cᵢ·dᵢ` with the factors of a model drawn together.
  private func add(
    _ tile: borrowing Tile<Double>, _ survey: TaskVectorSurvey,
    into output: inout MutableSpan<Double>
  ) {
    var scale = lambda
    if normalizes {
      let sum = models.reduce(0) { $0 + $1.weight }
      // Below this sum mergekit leaves out the division, and so do we.
      if sum.magnitude >= 1e-8 { scale /= sum }
    }
    for i in 0..<output.count { output[i] = 0 }
    for row in 1..<tile.rows {
      let coefficient = models[row - 1].weight * survey.factor(ofModel: row - 1) * scale
      let delta = tile[row]
      for i in 0..<output.count { output[i] += coefficient * delta[i] }
    }
    let base = tile[0]
    // Adding nothing leaves the base as it is, a negative zero included.
    for i in 0..<output.count { output[i] = output[i] == 0 ? base[i] : base[i] + output[i] }
  }

  /// Keeps of each element the models that agree with the sign of the weighted sum.
  private func mergeByVote(
    _ tile: borrowing Tile<Double>, _ scratch: inout Tile<Double>, _ survey: TaskVectorSurvey,
    into output: inout MutableSpan<Double>
  ) {
    var sum = scratch.mutableRow(0)
    for i in 0..<sum.count { sum[i] = 0 }
    for row in 1..<tile.rows {
      let (weight, factor) = (models[row - 1].weight, survey.factor(ofModel: row - 1))
      let delta = tile[row]
      for i in 0..<sum.count { sum[i] += delta[i] * factor * weight }
    }
    // A sum of zero counts as positive.
    for i in 0..<sum.count { sum[i] = sum[i] >= 0 ? 1 : -1 }
    var mix = scratch.mutableRow(1)
    for i in 0..<mix.count { mix[i] = 0 }
    var weights = scratch.mutableRow(2)
    for i in 0..<weights.count { weights[i] = 0 }
    for row in 1..<tile.rows {
      let (weight, factor) = (models[row - 1].weight, survey.factor(ofModel: row - 1))
      let delta = tile[row]
      scratch.update(1, with: 0) { mix, sign in
        for i in 0..<mix.count {
          let term = delta[i] * factor * weight
          // Asked this way round NaN is not voted out, so that it cannot vanish.
          mix[i] += term * sign[i] <= 0 ? 0 : term
        }
      }
      guard normalizes else { continue }
      scratch.update(2, with: 0) { weights, sign in
        for i in 0..<weights.count {
          let term = delta[i] * factor * weight
          weights[i] += term * sign[i] > 0 ? weight : 0
        }
      }
    }
    let base = tile[0]
    let mixed = scratch[1]
    let divisors = scratch[2]
    for i in 0..<output.count {
      let divisor = normalizes && divisors[i] != 0 ? divisors[i] : 1
      let change = mixed[i] / divisor * lambda
      output[i] = change == 0 ? base[i] : base[i] + change
    }
  }
}
