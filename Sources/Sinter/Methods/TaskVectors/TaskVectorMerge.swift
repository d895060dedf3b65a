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
  /// Where the tensor may be cut.
  let grain: TileGrain
  /// How the tensor is cut.
  let grid: TileGrid
  /// Whether thinned-out task vectors are rescaled to their sums of magnitudes before.
  let matchesSums: Bool
  /// Whether random numbers thin out every task vector.
  private let isRandom: Bool
  /// Whether the elements of every task vector are kept with one probability.
  private let dropsAlike: Bool
  /// Whether no task vector is thinned out.
  private let keepsAll: Bool
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
    grid = TileGrid(shape: group.shape, grain: grain)
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
    isRandom = models.allSatisfy(\.thinning.isRandom)
    dropsAlike = models.allSatisfy { model in
      if case .keepRandom = model.thinning { true } else { false }
    }
    keepsAll = models.allSatisfy { model in
      if case .keepAll = model.thinning { true } else { false }
    }
    // With a vote every element has a sum of its own.
    scale =
      normalizes && !electsSign
      ? lambda / (try WeightSum.divisor(of: models.map(\.weight))) : lambda
  }

  /// The bytes of the histograms that a survey's pass keeps.
  var surveyByteCount: Int {
    models.reduce(0) { $0 + $1.thinning.boundCount * MagnitudeSelection.passByteCount }
  }

  /// The bytes of what the survey remembers of the elements that are kept.
  var surveyHeldByteCount: Int {
    remembersKept ? KeptElements.byteCount(grid, vectorCount: models.count) : 0
  }

  /// Whether the survey finds out which elements are kept, and at a cost.
  var remembersKept: Bool { matchesSums && models.contains(where: \.thinning.isRandom) }

  /// What the survey covers: all tensors when elements are chosen from the whole model.
  var surveyScope: SurveyScope {
    let isModelWide = models.contains { model in
      if case .keepShareOfModel = model.thinning { true } else { false }
    }
    return isModelWide ? .model : .tensor
  }

  /// Makes a row of a model its task vector, and thins that out.
  private func thinOut(
    _ row: inout MutableSpan<Double>, minus base: Span<Double>, ofModel model: Int,
    at position: TilePosition, _ survey: TaskVectorSurvey
  ) {
    let first = position.elements.lowerBound
    let thinning = models[model].thinning
    if thinning.isRandom, let kept = survey.kept,
      kept.apply(vector: model, tile: position.tile, to: &row, minus: base)
    {
      return
    }
    switch thinning {
    case .keepAll:
      RowArithmetic.subtract(base, from: &row)
    case .keepRandom(let random, let threshold):
      random.drop(&row, minus: base, from: first, keepingBelow: threshold)
    case .keepPlaces, .keepShareOfModel:
      survey.keep(&row, minus: base, ofModel: model, at: position)
    case .keepRanked(let dropping):
      RowArithmetic.subtract(base, from: &row)
      dropping.apply(to: &row, from: first)
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
    var marks: KeptElements.TileMarks?
    for model in models.indices {
      switch survey.need(ofModel: model, group: position.group) {
      case .nothing:
        break
      case .bounds:
        survey.count(
          tile[model + 1], minus: tile[0], ofModel: model, at: position, into: &partial)
      case .sums:
        if marks == nil {
          marks = survey.kept?.makeMarks(
            ofTile: position.tile, elementCount: position.elements.count,
            vectorCount: models.count)
        }
        let sums = sums(model, of: &tile, at: position, survey, &marks)
        survey.add(
          before: sums.all, after: sums.kept, ofModel: model, group: position.group,
          into: &partial)
      }
    }
    if let marks { partial.kept.append(marks) }
  }

  /// Adds what a tile of rows as they are stored tells of bounds, or of sums and of what is kept at
  /// random.
  func survey(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: TaskVectorSurvey,
    into partial: inout TaskVectorSurvey.Partial
  ) -> Bool {
    func needs(_ need: TaskVectorSurvey.Need, _ model: Int) -> Bool {
      survey.need(ofModel: model, group: position.group) == need
    }
    guard !models.indices.contains(where: { needs(.sums, $0) }) else {
      return surveySums(of: rows, at: position, survey, into: &partial)
    }
    guard models.indices.contains(where: { needs(.bounds, $0) }), rows.areFinite else {
      return false
    }
    for model in models.indices where needs(.bounds, model) {
      survey.count(rows, ofModel: model, at: position, into: &partial)
    }
    return true
  }

  private func surveySums(
    of rows: borrowing StoredRows, at position: TilePosition, _ survey: TaskVectorSurvey,
    into partial: inout TaskVectorSurvey.Partial
  ) -> Bool {
    // Where elements are ranked, the rows are widened: nothing is begun for them.
    guard dropsAlike,
      var marks = survey.kept?.makeMarks(
        ofTile: position.tile, elementCount: position.elements.count, vectorCount: models.count)
    else { return false }
    var sums: [(all: Double, kept: Double)] = []
    sums.reserveCapacity(models.count)
    for model in models.indices {
      guard survey.need(ofModel: model, group: position.group) == .sums,
        case .keepRandom(let random, let threshold) = models[model].thinning,
        let found = marks.mark(
          vector: model, rows, random, from: position.elements.lowerBound,
          keepingBelow: threshold)
      else { return false }
      sums.append(found)
    }
    for model in models.indices {
      survey.add(
        before: sums[model].all, after: sums[model].kept, ofModel: model, group: position.group,
        into: &partial)
    }
    partial.kept.append(marks)
    return true
  }

  /// The sums of the magnitudes of a task vector, and of what is left of it when thinned out, which
  /// is marked if there are marks.
  private func sums(
    _ model: Int, of tile: inout Tile<Double>, at position: TilePosition,
    _ survey: TaskVectorSurvey, _ marks: inout KeptElements.TileMarks?
  ) -> (all: Double, kept: Double) {
    if case .keepRandom(let random, let threshold) = models[model].thinning {
      let first = position.elements.lowerBound
      return marks?.mark(
        vector: model, tile[model + 1], minus: tile[0], random, from: first,
        keepingBelow: threshold)
        ?? random.sumsOfAbsolutes(
          tile[model + 1], minus: tile[0], from: first, keepingBelow: threshold)
    }
    if case .keepRanked(let dropping) = models[model].thinning,
      let sums = marks?.mark(
        vector: model, tile[model + 1], minus: tile[0], dropping,
        from: position.elements.lowerBound)
    {
      return sums
    }
    var (all, kept) = (0.0, 0.0)
    tile.update(model + 1, with: 0) { row, base in
      all = Reduction.sumOfAbsolutes(row.span, minus: base)
      thinOut(&row, minus: base, ofModel: model, at: position, survey)
      kept = Reduction.sumOfAbsolutes(row.span)
    }
    if models[model].thinning.isRandom { marks?.mark(tile[model + 1], ofVector: model) }
    return (all, kept)
  }
}

// MARK: - Merge

extension TaskVectorMerge {
  /// Merges one tile.
  func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: TaskVectorSurvey, into output: inout MutableSpan<Double>
  ) {
    let shares = survey.shares[position.group]
    let rows = 1..<tile.rows
    if !electsSign, keepsAll {
      RowArithmetic.placeDifferences(
        of: tile.rows(rows), times: shares.coefficients.span, on: tile[0], into: &output)
      return
    }
    let thinned = thinned(at: position, survey) ?? thinOut(&tile, at: position, survey)
    if electsSign {
      vote.merge(tile.rows(rows), thinned, shares.voters.span, on: tile[0], into: &output)
    } else {
      RowArithmetic.place(
        tile.rows(rows), thinned, times: shares.coefficients.span, on: tile[0], into: &output)
    }
  }

  /// What is left of the task vectors, where that can be said without looking at them.
  private func thinned(at position: TilePosition, _ survey: TaskVectorSurvey) -> ThinnedRows? {
    if isRandom {
      return survey.kept?.marks(ofTile: position.tile).map(ThinnedRows.marked)
    }
    var bounds: [MagnitudeBounds] = []
    bounds.reserveCapacity(models.count)
    for model in models.indices {
      guard !models[model].thinning.isRandom,
        let known = survey.bounds(ofModel: model, at: position)
      else { return nil }
      bounds.append(known)
    }
    return .bounded(bounds)
  }

  /// Merges tiles of rows as they are stored, where it can be said what is left of the task vectors
  /// without looking at them.
  func merge(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: TaskVectorSurvey,
    into output: inout MutableSpan<UInt16>, from start: Int
  ) -> Bool {
    let shares = survey.shares[position.group]
    if !electsSign, keepsAll {
      return RowSum(shares.coefficients, hasBase: true).add(rows, into: &output, from: start)
    }
    let first = position.elements.lowerBound
    var (tile, place) = (position.tile, 0)
    while place < rows.length {
      let elements = grid[tile]
      let part = TilePosition(group: position.group, tile: tile, elements: elements)
      guard let thinned = thinned(at: part, survey) else { return false }
      place = elements.upperBound - first
      let some = rows.extracting(elements.lowerBound - first..<place)
      let target = start + elements.lowerBound - first
      let isDone =
        electsSign
        ? vote.merge(some, thinned, shares.voters.span, into: &output, from: target)
        : RowArithmetic.place(
          some, thinned, times: shares.coefficients.span, into: &output, from: target)
      guard isDone else { return false }
      tile += 1
    }
    return true
  }

  /// Makes the rows of all models their task vectors, thinned out.
  private func thinOut(
    _ tile: inout Tile<Double>, at position: TilePosition, _ survey: TaskVectorSurvey
  ) -> ThinnedRows {
    for model in models.indices {
      tile.update(model + 1, with: 0) { row, base in
        thinOut(&row, minus: base, ofModel: model, at: position, survey)
      }
    }
    return .subtracted
  }

  /// What each model has in the result, once the survey is complete.
  struct Shares: Sendable {
    /// What models bring to a vote, where there is one.
    fileprivate(set) var voters: [SignVote.Voter] = []
    /// By what their task vectors are multiplied otherwise.
    fileprivate(set) var coefficients: [Double] = []
  }

  /// Finds what each model has in the result.
  ///
  /// - Parameter factors: by what the survey has the task vector of each model rescaled.
  /// - Returns: voters where there is a vote, else coefficients.
  func shares(rescaledBy factors: [Double]) -> Shares {
    let factors = zip(models, factors).map { $0.factor * $1 }
    var shares = Shares()
    if electsSign {
      shares.voters = zip(models, factors).map(voter)
    } else {
      shares.coefficients = zip(models, factors).map { $0.weight * $1 * scale }
    }
    return shares
  }

  private func voter(_ model: Model, _ factor: Double) -> SignVote.Voter {
    SignVote.Voter(
      factor: factor, voice: semantics.votesByWeight ? model.weight : 1, weight: model.weight,
      share: semantics.dividesByCount ? 1 : model.weight)
  }

  private var vote: SignVote {
    SignVote(
      zeroIsPositive: semantics.zeroIsPositive, lambda: lambda, divides: normalizes,
      leastDivisor: leastDivisor)
  }

  /// What a sum of weights must exceed to divide: 0.1 + 0.2 - 0.3 is zero to whoever writes it, and
  /// 5.6e-17 in binary.
  private var leastDivisor: Double {
    if semantics.dividesByCount { return 0 }
    let size = models.reduce(0) { $0 + $1.weight.magnitude }
    return Double(models.count) * .ulpOfOne * size
  }
}
