import SinterTensors

/// The steps by which the values of elements are computed, block by block.
///
/// All that is one number for the tensor has been worked out: what is left are operations on rows.
struct FormulaProgram: Sendable {
  /// Where a step finds what it works on.
  enum Operand: Sendable, Hashable {
    /// A row of the tile of inputs.
    case input(Int)
    case register(Int)
    /// The same number for all elements.
    case constant(Double)
  }

  enum Operation: Sendable {
    case unary(FormulaUnary, Operand)
    case binary(FormulaBinary, Operand, Operand)
    case select(condition: Operand, Operand, Operand)
    case random(CounterRandom)
  }

  /// An operation and the register that receives its result, which is none of its operands.
  struct Step: Sendable {
    let operation: Operation
    let target: Int
  }

  /// The steps in order.
  private(set) var steps: [Step] = []
  /// How many registers the steps use.
  private(set) var registerCount = 0
  /// Where the values that were asked for are afterwards.
  private(set) var results: [Operand] = []

  /// Makes the program that computes some nodes of a formula.
  ///
  /// - Parameters:
  ///   - nodes: the nodes.
  ///   - binding: what names mean.
  ///   - scalars: the numbers that hold for the tensor; all that the nodes need.
  init(computing nodes: [Int], of binding: FormulaBinding, scalars: [Double?]) {
    let graph = binding.formula.graph
    let needed = Self.needed(for: nodes, in: graph)
    var registers = RegisterFile(lastUses: Self.lastUses(of: needed, in: graph), kept: nodes)
    var operands: [Int: Operand] = [:]
    func operand(_ node: Int) -> Operand {
      operands[node] ?? .constant(scalars[node] ?? .nan)
    }
    for node in needed {
      let operation: Operation
      switch graph.nodes[node] {
      case .input(let name):
        operands[node] = .input(binding.row(of: name))
        continue
      case .random(let call): operation = .random(binding.random(call: call))
      case .unary(let unary, let x): operation = .unary(unary, operand(x))
      case .binary(let binary, let x, let y): operation = .binary(binary, operand(x), operand(y))
      case .select(let condition, let x, let y):
        operation = .select(condition: operand(condition), operand(x), operand(y))
      case .number, .elementCount, .parameter, .fact: continue
      }
      let target = registers.take(for: node)
      operands[node] = .register(target)
      steps.append(Step(operation: operation, target: target))
      registers.release(graph.nodes[node].operands, after: node)
    }
    registerCount = registers.count
    results = nodes.map(operand)
  }

  /// The nodes with a value for each element that some nodes are made from, in order.
  private static func needed(for nodes: [Int], in graph: FormulaGraph) -> [Int] {
    var found = Set(nodes)
    for place in stride(from: nodes.max() ?? -1, through: 0, by: -1) where found.contains(place) {
      guard graph.kinds[place].isVector else { continue }
      found.formUnion(graph.nodes[place].operands)
    }
    return found.filter { graph.kinds[$0].isVector }.sorted()
  }

  private static func lastUses(of nodes: [Int], in graph: FormulaGraph) -> [Int: Int] {
    var uses: [Int: Int] = [:]
    for node in nodes {
      for operand in graph.nodes[node].operands { uses[operand] = node }
    }
    return uses
  }
}

/// Gives registers to values for as long as they are needed.
private struct RegisterFile {
  private(set) var count = 0
  private var free: [Int] = []
  private var taken: [Int: Int] = [:]
  private let lastUses: [Int: Int]
  private let kept: Set<Int>

  init(lastUses: [Int: Int], kept: [Int]) {
    self.lastUses = lastUses
    self.kept = Set(kept)
  }

  mutating func take(for node: Int) -> Int {
    let register: Int
    if let last = free.popLast() {
      register = last
    } else {
      register = count
      count += 1
    }
    taken[node] = register
    return register
  }

  mutating func release(_ nodes: [Int], after user: Int) {
    for node in nodes where lastUses[node] == user && !kept.contains(node) {
      if let register = taken.removeValue(forKey: node) { free.append(register) }
    }
  }
}
