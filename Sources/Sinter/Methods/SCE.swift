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

  /// A row for variances.
  public var scratchRows: Int { 1 }

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
      select(tile, &scratch, at: position, survey)
      for model in 0..<modelCount {
        partial.squares[model] +=
          survey.selects
          ? Reduction.sumOfSquares(tile[model + 1], minus: tile[0], selectedBy: scratch[0])
          : Reduction.sumOfSquares(tile[model + 1], minus: tile[0])
      }
    }
  }

  /// Merges one tile.
  public func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: VarianceSurvey, into output: inout MutableSpan<Double>
  ) {
    select(tile, &scratch, at: position, survey)
    let models = tile.rows(1..<tile.rows)
    if survey.selects {
      RowArithmetic.placeMajority(
        of: models, times: survey.weights.span, on: tile[0], selectedBy: scratch[0],
        into: &output)
    } else {
      RowArithmetic.placeMajority(
        of: models, times: survey.weights.span, on: tile[0], into: &output)
    }
  }

  /// Makes row 0 of the scratch tile positive in the selected places and zero in all others, where
  /// there is a selection.
  private func select(
    _ tile: borrowing Tile<Double>, _ scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: VarianceSurvey
  ) {
    guard survey.selects else { return }
    spread(of: tile, into: &scratch)
    var selected = scratch.mutableRow(0)
    survey.select(&selected, tile: position.tile)
  }

  /// Fills row 0 of the scratch tile with the variance over the models, times their number squared.
  ///
  /// That is the sum of the squared differences of all pairs. It has the order of the variances, is
  /// exactly zero where models are equal, and equal variances of 16-bit numbers come out equal,
  /// because neither a mean nor a division rounds.
  private func spread(of tile: borrowing Tile<Double>, into scratch: inout Tile<Double>) {
    var spread = scratch.mutableRow(0)
    // NaN has no place among variances. It counts as the largest, so that it is selected.
    RowArithmetic.sumSquaredDifferences(of: tile.rows(1..<tile.rows), into: &spread)
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
