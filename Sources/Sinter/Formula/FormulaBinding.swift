import SinterTensors

/// A formula and what its names mean in one tensor.
struct FormulaBinding: Sendable {
  let formula: Formula
  let elementCount: Int
  /// The rows of a tile that hold the models.
  private let rows: [String: Int]
  private let parameters: [String: Double]
  private let group: MergeGroup

  /// Binds a formula.
  ///
  /// - Parameters:
  ///   - formula: the formula.
  ///   - group: the inputs with their names, and the parameters.
  /// - Throws: ``MethodFault`` when a name means nothing in the group, or a parameter asks for a
  ///   quantile that there is not.
  init(_ formula: Formula, in group: MergeGroup) throws(MethodFault) {
    self.formula = formula
    self.group = group
    elementCount = group.elementCount
    var rows: [String: Int] = [:]
    for (row, name) in group.aliases.enumerated() {
      if let name { rows[name] = row }
    }
    if group.hasBase { rows[FormulaName.base] = 0 }
    for name in formula.models where rows[name] == nil {
      throw MethodFault("the formula uses '\(name)', which is none of the inputs")
    }
    var parameters: [String: Double] = [:]
    for name in formula.parameters {
      guard let value = group.parameters.number(name) else {
        throw MethodFault("the formula uses '\(name)', which has no value")
      }
      parameters[name] = value
    }
    self.rows = rows
    self.parameters = parameters
    try checkFractions()
  }

  /// Checks what quantiles are asked for, as far as parameters decide it.
  private func checkFractions() throws(MethodFault) {
    let graph = formula.graph
    let values = scalars([:])
    for place in graph.closure(of: [formula.result]).sorted() {
      guard case .fact(.quantile(_, let fraction)) = graph.nodes[place],
        let value = values[fraction]
      else { continue }
      // 1 - 0.9 - 0.1 is a little less than 0.
      guard value > -1e-9, value < 1 + 1e-9 else {
        throw MethodFault(
          "the fraction of 'quantile' must be from 0 to 1, found \(ParameterValue.number(value))")
      }
    }
  }

  /// The row of a model.
  func row(of model: String) -> Int { rows[model] ?? 0 }

  /// The random numbers of a call of `random()`, the calls counted from 0.
  func random(call: Int) -> CounterRandom {
    CounterRandom(
      seed: group.seed, stream: CounterRandom.stream(model: call, tensor: group.tensor))
  }

  /// The nodes that are one number for the tensor, as far as the facts that they need are known.
  ///
  /// - Parameter facts: the facts that are known, by node.
  /// - Returns: a number for each node, `nil` where there is none or it is not known.
  func scalars(_ facts: [Int: Double]) -> [Double?] {
    let graph = formula.graph
    var values: [Double?] = []
    values.reserveCapacity(graph.nodes.count)
    for (place, node) in graph.nodes.enumerated() {
      guard !graph.kinds[place].isVector else {
        values.append(nil)
        continue
      }
      let value: Double?
      switch node {
      case .number(let bits): value = Double(bitPattern: bits)
      case .elementCount: value = Double(elementCount)
      case .parameter(let name): value = parameters[name]
      case .fact: value = facts[place]
      case .unary(let operation, let x): value = values[x].map { operation($0) }
      case .binary(let operation, let x, let y):
        if let x = values[x], let y = values[y] { value = operation(x, y) } else { value = nil }
      case .select(let condition, let x, let y):
        value = values[condition].flatMap { $0 != 0 ? values[x] : values[y] }
      case .input, .random: value = nil
      }
      values.append(value)
    }
    return values
  }
}
