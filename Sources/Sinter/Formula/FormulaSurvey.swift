import SinterTensors

/// The facts over the whole tensor that a formula asks for.
///
/// A fact may be made from others, such as the quantile of elements that are divided by a norm.
/// They are found in stages: each stage takes one pass over the tensor; where there are quantiles,
/// a sample and one or two passes.
public struct FormulaSurvey: TensorSurvey {
  /// What a run of tiles contributes to a pass.
  public struct Partial: Sendable {
    /// Sums, or largest magnitudes, for each fact that is looked for.
    var numbers: [Double]
    /// Histograms, for each quantile that is looked for.
    var passes: [OrderStatistic.Pass?]
  }

  /// A fact that is looked for in this pass.
  private struct Search: Sendable {
    let node: Int
    var number = 0.0
    var selection: OrderStatistic?
    var pass: OrderStatistic.Pass?
  }

  private let binding: FormulaBinding
  private var known: [Int: Double] = [:]
  /// The facts that are not known and not looked for yet, the earliest stage last.
  private var waiting: [Int]
  private var searches: [Search] = []
  /// Computes what the pass looks at; once all is known, the result.
  private(set) var program: FormulaProgram

  /// What a pass finds of a quantile takes some hundred kilobytes for each run of tiles.
  private static let quantilesPerPass = 4

  /// The bytes that a partial result can take for a formula.
  static func byteCount(_ formula: Formula) -> Int {
    let quantiles = formula.graph.nodes.count { node in
      if case .fact(.quantile) = node { true } else { false }
    }
    return min(quantiles, quantilesPerPass) * OrderStatistic.passByteCount
  }

  init(_ binding: FormulaBinding) {
    self.binding = binding
    let graph = binding.formula.graph
    waiting = graph.closure(of: [binding.formula.result])
      .filter { if case .fact = graph.nodes[$0] { true } else { false } }
      .sorted { (graph.stages[$0], $0) > (graph.stages[$1], $1) }
    program = FormulaProgram(computing: [], of: binding, scalars: [])
    prepare()
  }

  /// Whether all facts are known.
  public var isComplete: Bool { searches.isEmpty }

  /// A sample, where a quantile is looked for in many elements.
  public var coverage: PassCoverage {
    searches.contains { $0.selection?.samples == true } ? .sample : .everything
  }

  /// The facts that are looked for, and which values of the program they are made from.
  var facts: [FormulaGraph.Fact] {
    searches.compactMap {
      if case .fact(let fact) = binding.formula.graph.nodes[$0.node] { fact } else { nil }
    }
  }

  /// The contribution of no tile.
  public func makePartial() -> Partial {
    Partial(
      numbers: searches.map { _ in 0 },
      passes: searches.map { search in
        guard let selection = search.selection, !selection.isComplete else { return nil }
        return selection.samples == (coverage == .sample) ? selection.makePass() : nil
      })
  }

  /// Takes up the contribution of a run of tiles.
  public mutating func add(_ partial: Partial) {
    for (index, fact) in facts.enumerated() {
      switch fact {
      case .sum, .dot: searches[index].number += partial.numbers[index]
      case .largestMagnitude:
        searches[index].number = max(searches[index].number, partial.numbers[index])
      case .quantile:
        guard let pass = partial.passes[index] else { continue }
        if searches[index].pass == nil {
          searches[index].pass = pass
        } else {
          searches[index].pass?.add(pass)
        }
      }
    }
  }

  /// Ends a pass and decides what the next has to find out.
  public mutating func finishPass() {
    let isSample = coverage == .sample
    for index in searches.indices {
      if let pass = searches[index].pass {
        searches[index].selection?.finish(pass)
        searches[index].pass = nil
      }
      if let selection = searches[index].selection {
        if selection.isComplete { known[searches[index].node] = selection.value }
      } else if isSample {
        searches[index].number = 0
      } else {
        known[searches[index].node] = searches[index].number
      }
    }
    searches.removeAll { known[$0.node] != nil }
    prepare()
  }

  /// Begins the next searches and makes the program that they need.
  private mutating func prepare() {
    let graph = binding.formula.graph
    let scalars = binding.scalars(known)
    if searches.isEmpty, let first = waiting.last {
      let stage = graph.stages[first]
      var quantiles = 0
      while let next = waiting.last, graph.stages[next] == stage {
        let search = search(for: next, scalars)
        if search.selection != nil { quantiles += 1 }
        if quantiles > Self.quantilesPerPass { break }
        searches.append(search)
        waiting.removeLast()
      }
    }
    let looked = searches.isEmpty ? [binding.formula.result] : facts.flatMap(\.vectors)
    program = FormulaProgram(computing: looked, of: binding, scalars: scalars)
  }

  private func search(for node: Int, _ scalars: [Double?]) -> Search {
    var search = Search(node: node)
    guard case .fact(.quantile(_, let fraction)) = binding.formula.graph.nodes[node],
      binding.elementCount > 0
    else { return search }
    // A fraction that depends on other facts may come out a little, or far, beyond the range.
    let written = scalars[fraction] ?? 0
    let share = written.isNaN ? 0 : min(max(written, 0), 1)
    let rank = Int(share * Double(binding.elementCount - 1))
    search.selection = OrderStatistic(
      rank: min(rank, binding.elementCount - 1), of: binding.elementCount)
    return search
  }
}
