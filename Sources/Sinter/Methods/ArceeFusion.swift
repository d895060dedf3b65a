public import SinterTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Takes a model's elements where they matter most, and the base's elsewhere.
///
/// How much an element matters is its distance from the base times the divergence between its row
/// and the base's, both rows taken as distributions. The threshold comes from the exact quartiles of
/// the tensor.
public struct ArceeFusion: MergeMethod {
  private let elementCount: Int
  private let rowLength: Int
  /// The most rows that one step of a survey looks at.
  private let rowsPerStep: Int

  /// Prepares the merge of one group of two inputs.
  ///
  /// - Parameter group: the group, its first input the base.
  public init(_ group: MergeGroup) {
    elementCount = group.elementCount
    rowLength = group.shape.dimensions.last ?? 1
    let grid = TileGrid(shape: group.shape, grain: .rows)
    rowsPerStep = StepCursor.surveyStepLength(grid) * (grid.tileLength / max(rowLength, 1))
  }

  private var rowCount: Int { elementCount / max(rowLength, 1) }

  /// A row of one element is the distribution of a certain event: nothing diverges.
  private var diverges: Bool { rowLength > 1 && elementCount > 0 }

  /// The number of rows whose divergences the survey keeps.
  private var rowsKept: Int {
    diverges && rowCount <= ImportanceSurvey.mostRowsKept ? rowCount : 0
  }

  /// Rows, since the divergence is that of a row.
  public var grain: TileGrain { .rows }

  /// Two rows for the distributions, one of them then for how much each element matters.
  public var scratchRows: Int { 2 }

  /// What three quartiles keep, and the divergences of the rows of a step.
  public var surveyByteCount: Int {
    3 * OrderStatistic.passByteCount + min(rowsKept, rowsPerStep) * MemoryLayout<Double>.stride
  }

  /// The divergences of all rows, unless there are too many.
  public var surveyHeldByteCount: Int { rowsKept * MemoryLayout<Double>.stride }

  /// A survey of the quartiles.
  public static func makeSurvey(_ groups: [ArceeFusion]) -> ImportanceSurvey {
    let merge = groups[0]
    return ImportanceSurvey(
      elementCount: merge.diverges ? merge.elementCount : 0, rowCount: merge.rowCount,
      rowsPerStep: merge.rowsPerStep)
  }

  /// Surveys one tile.
  public func survey(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: ImportanceSurvey, into partial: inout ImportanceSurvey.Partial
  ) {
    let divergences = weigh(tile, &scratch, at: position, survey)
    partial.add(scratch[0], divergences: divergences)
  }

  /// Merges one tile.
  public func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: ImportanceSurvey, into output: inout MutableSpan<Double>
  ) {
    _ = weigh(tile, &scratch, at: position, survey)
    let threshold = survey.threshold
    let importance = scratch[0]
    let base = tile[0]
    let model = tile[1]
    for i in 0..<output.count {
      let (near, far) = (base[i], model[i])
      output[i] = importance[i] >= threshold ? far : near
    }
  }

  /// Fills row 0 of the scratch tile with how much each element matters.
  ///
  /// - Returns: the divergences of the tile's rows.
  private func weigh(
    _ tile: borrowing Tile<Double>, _ scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: ImportanceSurvey
  ) -> [Double] {
    let rows = position.elements.lowerBound / rowLength..<position.elements.upperBound / rowLength
    let known = survey.divergences(ofRows: rows)
    let divergences = if let known { known } else { divergences(tile, &scratch, rows.count) }
    let base = tile[0]
    let model = tile[1]
    var importance = scratch.mutableRow(0)
    var i = 0
    for divergence in divergences {
      let end = i + rowLength
      while i < end {
        importance[i] = (model[i] - base[i]).magnitude * divergence
        i &+= 1
      }
    }
    return divergences
  }

  /// The Kullback-Leibler divergence of the base's from the model's distribution, row by row.
  private func divergences(
    _ tile: borrowing Tile<Double>, _ scratch: inout Tile<Double>, _ rows: Int
  ) -> [Double] {
    guard rowLength > 1 else { return [Double](repeating: 0, count: rows) }
    softmax(tile[1], into: &scratch, row: 0)
    softmax(tile[0], into: &scratch, row: 1)
    scratch.update(0, with: 1) { model, base in
      for i in 0..<model.count { model[i] = Self.divergence(model[i], from: base[i]) }
    }
    let terms = scratch[0]
    return (0..<rows).map { row in
      Reduction.sum(terms.extracting(row * rowLength..<(row + 1) * rowLength))
    }
  }

  /// One element's part of a divergence: `p·log(p / q) - p + q`.
  ///
  /// In exact arithmetic the sums of p and q cancel each other. In floating-point arithmetic their
  /// last bits would decide: of nearly equal rows `Σ p·log(p / q)` is a small difference of large
  /// terms, while these terms are all as small as what is looked for.
  private static func divergence(_ p: Double, from q: Double) -> Double {
    let ratio = p / q
    let logarithm = ratio > 0.5 && ratio < 2 ? log1p((p - q) / q) : log(ratio)
    return p * logarithm - (p - q)
  }

  /// Takes each row of a tile as a distribution, with a small probability added everywhere.
  private func softmax(
    _ values: Span<Double>, into scratch: inout Tile<Double>, row target: Int
  ) {
    for start in stride(from: 0, to: values.count, by: rowLength) {
      let range = start..<start + rowLength
      var largest = -Double.infinity
      for i in range { largest = max(largest, values[i]) }
      var exponentials = scratch.mutableRow(target)
      for i in range { exponentials[i] = exp(values[i] - largest) }
      let sum = Reduction.sum(scratch[target].extracting(range))
      var probabilities = scratch.mutableRow(target)
      for i in range { probabilities[i] = probabilities[i] / sum + Self.floor }
    }
  }

  /// What is added to every probability: makes the logarithms finite.
  private static let floor = 1e-8
}

extension ArceeFusion {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "arcee_fusion",
    title: "Arcee Fusion",
    summary: "takes a model's elements where they matter most, and the base's elsewhere",
    formula: """
      p = softmax of x along the last axis + 1e-8, q = that of b
      D = Σ p·log(p / q)      along the last axis
      v = |x - b|·D           for each element
      threshold = median + 1.5·(third quartile - first quartile) of all v of the tensor
      out = x where v ≥ threshold, b elsewhere
      """,
    goodFor: """
      Moving the most marked changes of one model to another one, and leaving the rest as it is.
      """,
    base: .required,
    models: 1...1,
    parameters: [],
    source: "https://www.arcee.ai",
    differences: [
      """
      Quartiles are exact for tensors of any size, and v is computed in Double. mergekit samples \
      above a million elements, without a seed, and computes v in the type of the tensors, in which \
      it loses most of its digits: for BF16 about two thirds of the mask are others.
      """,
      """
      Divergences are computed in a form that does not cancel, so that the mask of two nearly equal \
      models is right too.
      """,
      "The output has the type of the inputs; mergekit gives F32 for BF16 and F16.",
    ],
    example: """
      merge_method: arcee_fusion
      base_model: ./first
      models:
        - model: ./second
      """)
}
