import SinterTensors

/// The arithmetic that the task-vector methods share: differences from the base, thinned out,
/// weighed, perhaps put to a vote on their sign, and added to the base.
///
/// Row 0 of a tile is the base b, the others are the models xᵢ:
/// ```
/// dᵢ  = xᵢ - b, thinned out by the method's rule, times the rescale factor
/// mix = Σ wᵢ·dᵢ                  or, with a vote, over those that agree with the elected sign
/// out = b + λ·mix / Σ wᵢ         the division only when normalize is set
/// ```
struct TaskVectorMerge: Sendable {
  /// The same task vector in several tensors: a model, and how often it was named before.
  struct ModelKey: Hashable, Sendable {
    let name: String
    let occurrence: Int
  }

  /// What is known of one model.
  struct Model: Sendable {
    let key: ModelKey
    let weight: Double
    let thinning: Thinning
    /// By what a thinned-out task vector is multiplied, beside the factor that matches sums.
    let factor: Double
  }

  let models: [Model]
  let elementCount: Int
  let tileCount: Int
  /// Where the tensor may be cut.
  let grain: TileGrain
  /// Whether thinned-out task vectors are rescaled to their sums of magnitudes before.
  let matchesSums: Bool
  private let semantics: TaskVectorSemantics
  private let electsSign: Bool
  private let normalizes: Bool
  private let lambda: Double
  /// λ, divided by the sum of the weights where that is the same for all elements.
  private let scale: Double

  /// Prepares one group.
  ///
  /// - Parameters:
  ///   - group: the group, its first input the base.
  ///   - sparsification: how task vectors are thinned out.
  ///   - electsSign: whether elements that disagree with the elected sign are left out.
  /// - Throws: ``MethodFault`` when the weights are normalized and sum to zero.
  init(
    _ group: MergeGroup, sparsification: Sparsification, electsSign: Bool
  ) throws(MethodFault) {
    let parameters = group.parameters
    semantics = TaskVectorSemantics(parameters)
    self.electsSign = electsSign
    elementCount = group.elementCount
    grain = sparsification == .ranked ? RankedDropping.grain(group.shape) : .elements
    tileCount = TileGrid(shape: group.shape, grain: grain).count
    let rescales = parameters.isOn("rescale")
    let byProbability = sparsification.isRandom && semantics.rescalesByProbability
    matchesSums = rescales && !byProbability
    // A publication that takes a vote divides by those who won it.
    normalizes =
      parameters.tensor["normalize"] == nil
      ? electsSign && semantics != .mergekit : parameters.isOn("normalize")
    lambda = parameters.number("lambda") ?? 1
    var named: [String: Int] = [:]
    var models: [Model] = []
    for row in group.models {
      let name = group.inputs[row]
      let density = parameters.number("density", input: row) ?? 1
      let dividesByDensity = sparsification == .random && rescales && byProbability
      models.append(
        Model(
          key: ModelKey(name: name, occurrence: named[name, default: 0]),
          weight: parameters.number("weight", input: row) ?? 1,
          thinning: Thinning(
            sparsification, group, row, semantics,
            dividesByProbability: rescales && byProbability),
          factor: dividesByDensity && density > 0 && density < 1 ? 1 / density : 1))
      named[name, default: 0] += 1
    }
    self.models = models
    // With a vote every element has a sum of its own.
    scale =
      normalizes && !electsSign
      ? lambda / (try WeightSum.divisor(of: models.map(\.weight))) : lambda
  }

  /// The rows of Double that ``merge(_:scratch:at:_:into:)`` needs.
  var scratchRows: Int { electsSign ? 3 : 0 }

  /// The bytes of the histograms that a survey's pass keeps.
  var surveyByteCount: Int {
    models.reduce(0) { $0 + $1.thinning.boundCount * MagnitudeSelection.passByteCount }
  }

  /// What the survey covers: all tensors when elements are chosen from the whole model.
  var surveyScope: SurveyScope {
    let isModelWide = models.contains { model in
      if case .keepShareOfModel = model.thinning { true } else { false }
    }
    return isModelWide ? .model : .tensor
  }

  /// Makes row `row` of a tile the task vector of that model.
  private func subtractBase(from row: Int, of tile: inout Tile<Double>) {
    tile.update(row, with: 0) { model, base in
      for i in 0..<model.count { model[i] -= base[i] }
    }
  }

  private func apply(
    thinning model: Int, to delta: inout MutableSpan<Double>, at position: TilePosition,
    _ survey: TaskVectorSurvey
  ) {
    switch models[model].thinning {
    case .keepAll:
      break
    case .keepPlaces, .keepShareOfModel:
      survey.keep(&delta, ofModel: model, at: position)
    case .keepRandom(let random, let threshold):
      random.drop(&delta, from: position.elements.lowerBound, keepingBelow: threshold)
    case .keepRanked(let dropping):
      dropping.apply(to: &delta, from: position.elements.lowerBound)
    }
  }
}

// MARK: - Survey

extension TaskVectorMerge {
  /// Adds what a tile tells of bounds and sums.
  func survey(
    _ tile: inout Tile<Double>, at position: TilePosition, _ survey: TaskVectorSurvey,
    into partial: inout TaskVectorSurvey.Partial
  ) {
    for model in models.indices {
      switch survey.need(ofModel: model, group: position.group) {
      case .nothing:
        break
      case .bounds:
        subtractBase(from: model + 1, of: &tile)
        survey.count(tile[model + 1], ofModel: model, at: position, into: &partial)
      case .sums:
        subtractBase(from: model + 1, of: &tile)
        let before = Reduction.sumOfAbsolutes(tile[model + 1])
        var delta = tile.mutableRow(model + 1)
        apply(thinning: model, to: &delta, at: position, survey)
        survey.add(
          before: before, after: Reduction.sumOfAbsolutes(tile[model + 1]), ofModel: model,
          group: position.group, into: &partial)
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
    for row in 1..<tile.rows {
      subtractBase(from: row, of: &tile)
      var delta = tile.mutableRow(row)
      apply(thinning: row - 1, to: &delta, at: position, survey)
    }
    let factors = models.indices.map { model in
      models[model].factor * survey.factor(ofModel: model, group: position.group)
    }
    if electsSign {
      mergeByVote(tile, &scratch, factors, into: &output)
    } else {
      add(tile, factors, into: &output)
    }
  }

  /// `out = b + Σ cᵢ·dᵢ` with the factors of a model drawn together.
  private func add(
    _ tile: borrowing Tile<Double>, _ factors: [Double], into output: inout MutableSpan<Double>
  ) {
    for i in 0..<output.count { output[i] = 0 }
    for row in 1..<tile.rows {
      let coefficient = models[row - 1].weight * factors[row - 1] * scale
      let delta = tile[row]
      for i in 0..<output.count { output[i] += coefficient * delta[i] }
    }
    let base = tile[0]
    // Adding nothing leaves the base as it is, a negative zero included.
    for i in 0..<output.count { output[i] = output[i] == 0 ? base[i] : base[i] + output[i] }
  }

  /// Keeps of each element the models that agree with the elected sign.
  private func mergeByVote(
    _ tile: borrowing Tile<Double>, _ scratch: inout Tile<Double>, _ factors: [Double],
    into output: inout MutableSpan<Double>
  ) {
    elect(tile, &scratch, factors)
    var mix = scratch.mutableRow(1)
    for i in 0..<mix.count { mix[i] = 0 }
    var divisors = scratch.mutableRow(2)
    for i in 0..<divisors.count { divisors[i] = 0 }
    for row in 1..<tile.rows {
      let (weight, factor) = (models[row - 1].weight, factors[row - 1])
      let voice = voice(of: weight)
      let delta = tile[row]
      scratch.update(1, with: 0) { mix, sign in
        for i in 0..<mix.count {
          let change = delta[i] * factor
          // Asked this way round NaN is not voted out, so that it cannot vanish.
          mix[i] += change * voice * sign[i] <= 0 ? 0 : change * weight
        }
      }
      guard normalizes else { continue }
      let share = semantics.dividesByCount ? 1 : weight
      scratch.update(2, with: 0) { divisors, sign in
        for i in 0..<divisors.count {
          divisors[i] += delta[i] * factor * voice * sign[i] > 0 ? share : 0
        }
      }
    }
    let base = tile[0]
    let mixed = scratch[1]
    let counted = scratch[2]
    let roundings = leastDivisor
    for i in 0..<output.count {
      let divisor = normalizes && counted[i].magnitude > roundings ? counted[i] : 1
      let change = mixed[i] / divisor * lambda
      output[i] = change == 0 ? base[i] : base[i] + change
    }
  }

  /// Puts the elected sign of each element in the first scratch row: 1, -1, or 0 for none.
  private func elect(
    _ tile: borrowing Tile<Double>, _ scratch: inout Tile<Double>, _ factors: [Double]
  ) {
    var sum = scratch.mutableRow(0)
    for i in 0..<sum.count { sum[i] = 0 }
    for row in 1..<tile.rows {
      let (voice, factor) = (voice(of: models[row - 1].weight), factors[row - 1])
      let delta = tile[row]
      for i in 0..<sum.count { sum[i] += delta[i] * factor * voice }
    }
    let zero = semantics.zeroIsPositive ? 1.0 : 0
    for i in 0..<sum.count { sum[i] = sum[i] > 0 ? 1 : sum[i] == 0 ? zero : -1 }
  }

  /// What a sum of weights must exceed to divide: 0.1 + 0.2 - 0.3 is zero to whoever writes it, and
  /// 5.6e-17 in binary.
  private var leastDivisor: Double {
    if semantics.dividesByCount { return 0 }
    let size = models.reduce(0) { $0 + $1.weight.magnitude }
    return Double(models.count) * .ulpOfOne * size
  }

  /// How much a model counts in the vote.
  private func voice(of weight: Double) -> Double { semantics.votesByWeight ? weight : 1 }
}
