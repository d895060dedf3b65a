public import SinterTensors

/// Merges by a formula that the recipe writes down.
public struct FormulaMethod: MergeMethod {
  private let binding: FormulaBinding

  /// Prepares the merge of one group.
  ///
  /// - Parameter group: the group, with its formula.
  /// - Throws: ``MethodFault`` when the group has no formula, or not all that the formula names.
  public init(_ group: MergeGroup) throws(MethodFault) {
    guard let formula = group.formula else { throw MethodFault("there is no formula") }
    binding = try FormulaBinding(formula, in: group)
  }

  /// The model whose elements the formula gives back unchanged.
  public var copiedInput: Int? {
    guard case .input(let name) = binding.formula.graph.nodes[binding.formula.result] else {
      return nil
    }
    return binding.row(of: name)
  }

  /// What the quantiles of a pass keep.
  public var surveyByteCount: Int { FormulaSurvey.byteCount(binding.formula) }

  /// A survey of the facts that the formula asks for.
  public static func makeSurvey(_ groups: [FormulaMethod]) -> FormulaSurvey {
    FormulaSurvey(groups[0].binding)
  }

  /// Adds what a tile tells of the facts that are looked for.
  public func survey(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: FormulaSurvey, into partial: inout FormulaSurvey.Partial
  ) {
    let facts = survey.facts
    var evaluator = FormulaEvaluator(survey.program, count: tile.count)
    for start in stride(from: 0, to: tile.count, by: evaluator.blockLength) {
      let block = start..<min(start + evaluator.blockLength, tile.count)
      evaluator.run(block, of: tile, from: position.elements.lowerBound)
      var place = 0
      for (index, fact) in facts.enumerated() {
        evaluator.withResult(place, block, of: tile) { x in
          switch fact {
          case .sum:
            partial.numbers[index] += Reduction.sum(x)
          case .dot(let left, let right):
            if left != right { place += 1 }
            evaluator.withResult(place, block, of: tile) { y in
              partial.numbers[index] += Reduction.dot(x, y)
            }
          case .largestMagnitude:
            partial.numbers[index] = max(partial.numbers[index], Reduction.largestMagnitude(x))
          case .quantile:
            partial.passes[index]?.add(x)
          }
        }
        place += 1
      }
    }
  }

  /// Computes the formula for one tile.
  public func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: FormulaSurvey, into output: inout MutableSpan<Double>
  ) {
    var evaluator = FormulaEvaluator(survey.program, count: tile.count)
    for start in stride(from: 0, to: tile.count, by: evaluator.blockLength) {
      let block = start..<min(start + evaluator.blockLength, tile.count)
      evaluator.run(block, of: tile, from: position.elements.lowerBound)
      evaluator.withResult(0, block, of: tile) { values in
        precondition(block.upperBound <= output.count)
        for i in 0..<values.count { output[start &+ i] = values[i] }
      }
    }
  }
}

extension FormulaMethod {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "formula",
    title: "Formula",
    summary: "merges by a formula that the recipe writes down",
    formula: """
      out = the last line of 'formula'; those before it, 'name = expression', give names to values

      names              what 'as' says of a model, base, parameters
      operators          + - * / ^   < <= > >= == !=   and or not
      for each element   abs(x) sign(x) sqrt(x) exp(x) log(x) sin(x) acos(x) min(x, y, ...)
                         max(x, y, ...) clamp(x, low, high) where(condition, x, y) random()
      for the tensor     sum(x) mean(x) norm(x) dot(x, y) cos(x, y) var(x) max_abs(x)
                         quantile(x, q)
      """,
    goodFor: """
      A strategy of your own: masks, thresholds and mixtures that no other method has, without \
      writing a program.
      """,
    base: .optional,
    models: 1...Int.max,
    parameters: [],
    source: nil,
    differences: [
      "mergekit has no such method."
    ],
    example: """
      merge_method: formula
      base_model: ./base
      models:
        - {model: ./math, as: math}
        - {model: ./code, as: code}
      parameters: {k: 0.7}
      formula: |
        m = math - base
        c = code - base
        base + k * where(abs(m) >= quantile(abs(m), 0.8), m, 0) + (1 - k) * c
      """,
    takesFormula: true)
}
