public import SinterTensors

/// Selects where models differ most, weighs each by the size of its changes there, and erases
/// changes against the majority's sign (SCE of FuseChat 3, arXiv:2408.07990).
public struct SCE: MergeMethod {
  private let elementCount: Int
  private let modelCount: Int
  /// The share of the differing elements that is kept; all elements are for 1.
  private let share: Double

  /// Prepares the merge of one group.
  ///
  /// - Parameter group: the group, its first input the base.
  public init(_ group: MergeGroup) {
    elementCount = group.elementCount
    modelCount = group.models.count
    share = group.parameters.number("select_topk") ?? 1
  }

  /// A row for variances, then for the sum of changes, and one for the sum of weights.
  public var scratchRows: Int { 2 }

  /// What the selection keeps.
  public var surveyByteCount: Int { share < 1 ? MagnitudeSelection.passByteCount : 0 }

  /// A survey of what the selection and the weights need.
  public static func makeSurvey(_ groups: [SCE]) -> VarianceSurvey {
    let merge = groups[0]
    return VarianceSurvey(
      share: merge.share, elementCount: merge.elementCount, modelCount: merge.modelCount)
  }

  /// Surveys one tile.
  public func survey(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: VarianceSurvey, into partial: inout VarianceSurvey.Partial
  ) {
    switch survey.need {
    case .nothing:
      break
    case .selection:
      spread(of: tile, into: &scratch)
      partial.pass?.add(scratch[0], tile: position.tile)
    case .squares:
      findChanges(in: &tile, &scratch, at: position, survey)
      for model in 0..<modelCount {
        partial.squares[model] += Reduction.sumOfSquares(tile[model + 1])
      }
    }
  }

  /// Merges one tile.
  public func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: VarianceSurvey, into output: inout MutableSpan<Double>
  ) {
    findChanges(in: &tile, &scratch, at: position, survey)
    for i in 0..<output.count { output[i] = 0 }
    for row in 1..<tile.rows {
      let change = tile[row]
      for i in 0..<output.count { output[i] += change[i] }
    }
    var sign = scratch.mutableRow(0)
    // A sum of zero counts as positive.
    for i in 0..<sign.count { sign[i] = output[i] >= 0 ? 1 : -1 }
    for i in 0..<output.count { output[i] = 0 }
    var weights = scratch.mutableRow(1)
    for i in 0..<weights.count { weights[i] = 0 }
    for row in 1..<tile.rows {
      eraseDisagreement(in: &tile, row, with: scratch[0])
      let weight = survey.weight(ofModel: row - 1)
      let change = tile[row]
      for i in 0..<output.count { output[i] += weight * change[i] }
      var weights = scratch.mutableRow(1)
      for i in 0..<weights.count { weights[i] += change[i] != 0 ? weight : 0 }
    }
    let base = tile[0]
    let divisors = scratch[1]
    // An element that nothing is added to keeps its sign, even if it is zero.
    for i in 0..<output.count {
      let change = output[i] / (divisors[i] > 0 ? divisors[i] : 1)
      output[i] = change == 0 ? base[i] : base[i] + change
    }
  }

  /// Sets the changes of a model to zero that do not have the given signs.
  private func eraseDisagreement(
    in tile: inout Tile<Double>, _ row: Int, with sign: Span<Double>
  ) {
    var change = tile.mutableRow(row)
    for i in 0..<change.count {
      let value = change[i]
      // Asks who disagrees: NaN does not, so that it cannot vanish.
      change[i] = value * sign[i] <= 0 ? 0 : value
    }
  }

  /// Makes each model's row its selected changes to the base, zero elsewhere.
  private func findChanges(
    in tile: inout Tile<Double>, _ scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: VarianceSurvey
  ) {
    if survey.selects {
      spread(of: tile, into: &scratch)
      var selected = scratch.mutableRow(0)
      survey.select(&selected, tile: position.tile)
    }
    for row in 1..<tile.rows {
      tile.update(row, with: 0) { model, base in
        for i in 0..<model.count { model[i] -= base[i] }
      }
      guard survey.selects else { continue }
      let selected = scratch[0]
      var change = tile.mutableRow(row)
      for i in 0..<change.count {
        let value = change[i]
        change[i] = selected[i] > 0 ? value : 0
      }
    }
  }

  /// Fills row 0 of the scratch tile with the variance over the models, times their number squared.
  ///
  /// That is the sum of the squared differences of all pairs. It has the order of the variances, is
  /// exactly zero where models are equal, and equal variances of 16-bit numbers come out equal,
  /// because neither a mean nor a division rounds.
  private func spread(of tile: borrowing Tile<Double>, into scratch: inout Tile<Double>) {
    var spread = scratch.mutableRow(0)
    for i in 0..<spread.count { spread[i] = 0 }
    for first in 1..<tile.rows {
      for second in first + 1..<tile.rows {
        let (one, other) = (tile[first], tile[second])
        for i in 0..<spread.count {
          let difference = one[i] - other[i]
          spread[i] += difference * difference
        }
      }
    }
    // NaN has no place among variances. It counts as the largest, so that it is selected.
    for i in 0..<spread.count { spread[i] = spread[i] >= 0 ? spread[i] : .infinity }
  }
}

extension SCE {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "sce",
    title: "SCE",
    summary: "selects where models differ most and weighs them by the size of their changes there",
    formula: """
      σ²  = variance over the models, for each element
      dᵢ  = xᵢ - b at the ⌊select_topk·m⌋ elements of largest σ² (m: those with σ² > 0), 0 elsewhere
      wᵢ  = mean of dᵢ² over the tensor, divided by the sum over the models
      s   = sign of Σ dᵢ, + for a sum of zero
      out = b + Σ wᵢ·dᵢ / Σ wᵢ over the models with sign(dᵢ) = s
      All wᵢ are equal where the sum of the means is below 1e-6.
      """,
    goodFor: """
      Several fine-tunes of one base for different skills, where no weights are known: they follow \
      from the changes themselves, tensor by tensor.
      """,
    base: .required,
    models: 1...Int.max,
    parameters: [
      ParameterDeclaration(
        "select_topk", scope: .tensor, kind: .fraction, default: .value(.number(1)),
        meaning: "the share of the elements in which models differ that is kept; 1 keeps all"),
      TaskVectorParameters.int8Mask,
    ],
    source: "https://arxiv.org/abs/2408.07990",
    differences: [
      """
      Exactly ⌊select_topk·m⌋ elements are kept; of equal variances the lowest index first. \
      mergekit keeps any of them.
      """,
      """
      Variances and squares are computed in Double. In F16 the squares of small changes vanish in \
      mergekit.
      """,
      """
      Where the mean squares of all models together are below 1e-6, all models weigh the same, as in \
      mergekit: there it was to prevent a division by zero, but it decides ordinary fine-tunes.
      """,
      """
      A model that alone changed an element moves it by all of its change. mergekit divides by 1e-6 \
      at least, which shrinks the changes of a model whose weight is smaller than that.
      """,
    ],
    example: """
      merge_method: sce
      base_model: ./base
      models:
        - model: ./math
        - model: ./code
      parameters:
        select_topk: 0.5
      """)
}
