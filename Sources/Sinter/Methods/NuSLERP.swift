public import SinterTensors

/// Interpolates between two models, or their differences from a base, along an arc: of whole
/// tensors, of rows or of columns.
public struct NuSLERP: MergeMethod {
  /// What is taken as one vector.
  private enum Vectors: Sendable {
    case tensor
    /// Elements along the last axis, this many.
    case rows(Int)
    /// Elements along the first axis; this many vectors.
    case columns(Int)
  }

  private let merging: GramMerge
  private let vectors: Vectors
  private let t: Double

  /// Prepares the interpolation of one group.
  ///
  /// - Parameter group: the group of two models; a base is the origin from which they are seen.
  /// - Throws: ``MethodFault`` when the weights cancel.
  public init(_ group: MergeGroup) throws(MethodFault) {
    merging = GramMerge(models: group.models, hasOrigin: group.hasBase)
    let weights = group.models.map { group.parameters.number("weight", input: $0) ?? 1 }
    let extents = group.shape.dimensions
    if group.parameters.isOn("nuslerp_flatten") {
      vectors = .tensor
    } else if group.parameters.isOn("nuslerp_row_wise") {
      vectors = .columns(extents.dropFirst().reduce(1, *))
    } else {
      vectors = .rows(extents.last ?? 1)
    }
    // Weights are brought to size before they are summed, so that no sum overflows.
    let largest = weights.map(\.magnitude).max() ?? 0
    guard largest > 0 else {
      t = 0.5
      return
    }
    let sum = weights[0] / largest + weights[1] / largest
    guard sum.magnitude >= 1e-6 else { throw .cancelling(weights) }
    t = weights[1] / largest / sum
  }

  /// Rows of a tensor, where they are the vectors.
  public var grain: TileGrain {
    if case .rows = vectors { .rows } else { .elements }
  }

  /// The bytes of the sums over columns, of which a run of tiles meets a million at most.
  public var surveyByteCount: Int {
    guard case .columns(let count) = vectors else { return 0 }
    return min(count, StepCursor.runsPerSurveyStep * TileGrid.standardRunLength)
      * MemoryLayout<PairFacts>.stride
  }

  /// The bytes of the sums over all columns, and of the arcs that they become.
  public var surveyHeldByteCount: Int {
    guard case .columns(let count) = vectors else { return 0 }
    return count * (MemoryLayout<PairFacts>.stride + MemoryLayout<Arc>.stride)
  }

  /// A survey that has seen nothing yet.
  public static func makeSurvey(_ groups: [NuSLERP]) -> ArcSurvey {
    let columns =
      switch groups[0].vectors {
      case .tensor: 1
      case .rows: 0
      case .columns(let count): count
      }
    return ArcSurvey(columns: columns, t: groups[0].t)
  }

  /// Adds the squares and products of one tile.
  public func survey(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: ArcSurvey, into partial: inout ArcSurvey.Partial
  ) {
    switch vectors {
    case .tensor, .columns(1):
      partial.add(facts(tile, 0..<tile.count))
    case .rows:
      break
    case .columns:
      merging.subtractOrigin(from: &tile)
      let first = merging.models.lowerBound
      partial.add(tile[first], tile[first + 1], from: position.elements.lowerBound)
    }
  }

  /// Adds the squares and products of one tile of rows as they are stored, where it is one vector.
  public func survey(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: ArcSurvey,
    into partial: inout ArcSurvey.Partial
  ) -> Bool {
    switch vectors {
    case .tensor, .columns(1):
      guard let facts = PairFacts(rows, hasBase: merging.hasOrigin) else { return false }
      partial.add(facts)
      return true
    case .rows, .columns:
      return false
    }
  }

  /// Merges tiles of rows as they are stored, where an arc belongs to many elements.
  public func merge(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: ArcSurvey,
    into output: inout MutableSpan<UInt16>, from start: Int
  ) -> Bool {
    switch vectors {
    case .tensor:
      return blend(rows, survey.arcs[0], &output, from: start)
    case .rows(let length):
      for first in stride(from: 0, to: rows.length, by: length) {
        let row = rows.extracting(first..<first + length)
        guard let facts = PairFacts(row, hasBase: merging.hasOrigin),
          blend(row, Arc(facts, t: t), &output, from: start + first)
        else { return false }
      }
      return true
    case .columns:
      return false
    }
  }

  /// Takes the points of some elements, as they are stored, from one arc.
  private func blend(
    _ rows: borrowing StoredRows, _ arc: Arc, _ output: inout MutableSpan<UInt16>, from start: Int
  ) -> Bool {
    RowSum([arc.first, arc.second], hasBase: merging.hasOrigin, keepsEqual: arc.isStraight)
      .add(rows, into: &output, from: start)
  }

  /// Merges one tile: `b + c₀·(x₀ - b) + c₁·(x₁ - b)`, with the coefficients of each vector.
  ///
  /// On a straight line the coefficients sum to 1, but for rounding: where both models agree the
  /// number itself is taken, to the last bit.
  public func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: ArcSurvey, into output: inout MutableSpan<Double>
  ) {
    switch vectors {
    case .tensor:
      blend(tile, 0..<tile.count, survey.arcs[0], &output)
    case .rows(let length):
      for start in stride(from: 0, to: output.count, by: length) {
        let row = start..<start + length
        blend(tile, row, Arc(facts(tile, row), t: t), &output)
      }
    case .columns(let count):
      blendColumns(&tile, from: position.elements.lowerBound % count, survey.arcs, &output)
    }
  }

  /// The facts about some elements of both vectors.
  private func facts(_ tile: borrowing Tile<Double>, _ elements: Range<Int>) -> PairFacts {
    let models = tile.rows(merging.models).extracting(elements)
    return merging.hasOrigin
      ? PairFacts(models, minus: tile[0].extracting(elements)) : PairFacts(models)
  }

  /// Takes the points of some elements from one arc.
  private func blend(
    _ tile: borrowing Tile<Double>, _ elements: Range<Int>, _ arc: Arc,
    _ output: inout MutableSpan<Double>
  ) {
    let first = tile[merging.models.lowerBound].extracting(elements)
    let second = tile[merging.models.lowerBound + 1].extracting(elements)
    if merging.hasOrigin {
      RowArithmetic.combineDifferences(
        first, times: arc.first, second, times: arc.second, on: tile[0].extracting(elements),
        keepingEqual: arc.isStraight, into: &output, from: elements.lowerBound)
    } else {
      RowArithmetic.combine(
        first, times: arc.first, second, times: arc.second, keepingEqual: arc.isStraight,
        into: &output, from: elements.lowerBound)
    }
  }

  /// Takes each element from the arc of its column.
  private func blendColumns(
    _ tile: inout Tile<Double>, from start: Int, _ arcs: [Arc], _ output: inout MutableSpan<Double>
  ) {
    merging.copyFirst(of: tile, into: &output)
    merging.subtractOrigin(from: &tile)
    let first = tile[merging.models.lowerBound]
    let second = tile[merging.models.lowerBound + 1]
    let base = tile[0]
    var column = start
    for i in 0..<output.count {
      output[i] = point(first[i], second[i], base[i], arcs[column], equal: output[i])
      column = column + 1 == arcs.count ? 0 : column + 1
    }
  }

  /// One element of the point of an arc.
  @inline(__always)
  private func point(
    _ first: Double, _ second: Double, _ base: Double, _ arc: Arc, equal: Double
  ) -> Double {
    let sum = arc.first * first + arc.second * second
    let value = merging.hasOrigin ? (sum == 0 ? base : base + sum) : sum
    return arc.isStraight && first == second ? equal : value
  }
}

extension NuSLERP {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "nuslerp",
    title: "NuSLERP",
    summary: "moves from one model to another along an arc, for tensors, rows or columns",
    formula: """
      y₁, y₂ = x₁ - b, x₂ - b, or x₁, x₂ without a base
      t   = w₂ / (w₁ + w₂)
      θ   = angle between y₁ and y₂
      out = b + (sin((1-t)·θ)·y₁ + sin(t·θ)·y₂) / sin θ
      out = b + (1-t)·y₁ + t·y₂      where y₁ and y₂ are parallel or opposite
      with each tensor as one vector   (nuslerp_flatten: true)
      with each row as one vector      (nuslerp_flatten: false, nuslerp_row_wise: false)
      with each column as one vector   (nuslerp_flatten: false, nuslerp_row_wise: true)
      """,
    goodFor: """
      What slerp is good for, with weights for both models in place of t. With a base it \
      interpolates task vectors, whose angles are wide enough for the arc to matter.
      """,
    base: .optional,
    models: 2...2,
    parameters: [
      ParameterDeclaration(
        "weight", scope: .nonBase, kind: .anyNumber, default: .required,
        meaning: "how much the model counts; only the ratio of both weights matters"),
      ParameterDeclaration(
        "nuslerp_flatten", scope: .tensor, kind: .boolean, default: .value(.boolean(true)),
        meaning: "take each tensor as one vector"),
      ParameterDeclaration(
        "nuslerp_row_wise", scope: .tensor, kind: .boolean, default: .value(.boolean(false)),
        meaning: "without nuslerp_flatten: take vectors along the first axis, not along the last"),
    ],
    source: nil,
    differences: [
      "Vectors of any length have a direction; mergekit weakens that of vectors shorter than 1e-7.",
      """
      Weights that sum to nearly zero are an error unless both are zero; mergekit takes t = 0.5. \
      How near is relative to the weights.
      """,
      "Vectors count as parallel up to 1 - cos² θ = 1e-15, in place of 1e-16.",
      "Angles and intermediate results are not rounded to the type of the tensors.",
    ],
    example: """
      merge_method: nuslerp
      base_model: ./base
      models:
        - model: ./math
          parameters: {weight: 0.6}
        - model: ./code
          parameters: {weight: 0.4}
      parameters:
        nuslerp_flatten: false
      """)
}
