/// What a formula computes: values made from others, each of them once.
///
/// Operands come before what is made of them. Equal expressions are one node, and arithmetic with
/// numbers that the formula gives is done here.
struct FormulaGraph: Sendable, Hashable {
  /// A value; operands are places in the list of nodes.
  enum Node: Sendable, Hashable {
    /// A number by its bits, so that -0 is not taken for 0.
    case number(bits: UInt64)
    /// The number of elements of the tensor.
    case elementCount
    case parameter(String)
    case input(String)
    /// Random numbers; each call of a formula has its own.
    case random(call: Int)
    case unary(FormulaUnary, Int)
    case binary(FormulaBinary, Int, Int)
    case select(condition: Int, Int, Int)
    case fact(Fact)
  }

  /// A number that all elements of the tensor go into.
  enum Fact: Sendable, Hashable {
    case sum(Int)
    case dot(Int, Int)
    case largestMagnitude(Int)
    case quantile(Int, fraction: Int)

    /// The values whose every element is looked at.
    var vectors: [Int] {
      switch self {
      case .sum(let x), .largestMagnitude(let x), .quantile(let x, _): [x]
      case .dot(let x, let y): x == y ? [x] : [x, y]
      }
    }
  }

  /// What kind of value a node is.
  struct Kind: Sendable, Hashable {
    /// One value for each element, not one for the tensor.
    var isVector: Bool
    /// A condition, not a number.
    var isCondition: Bool
  }

  private(set) var nodes: [Node] = []
  private(set) var kinds: [Kind] = []
  /// How many facts a node needs one after another.
  private(set) var stages: [Int] = []
  private var places: [Node: Int] = [:]

  /// The place of a node, which is added when it is new.
  mutating func place(of node: Node) -> Int {
    let node = folded(node)
    if let place = places[node] { return place }
    let operands = node.operands
    let before = operands.map { stages[$0] }.max() ?? 0
    kinds.append(kind(of: node))
    if case .fact = node { stages.append(before + 1) } else { stages.append(before) }
    nodes.append(node)
    places[node] = nodes.count - 1
    return nodes.count - 1
  }

  mutating func number(_ value: Double) -> Int { place(of: .number(bits: value.bitPattern)) }

  /// The number that a node is, whatever the tensor.
  func constant(_ place: Int) -> Double? {
    if case .number(let bits) = nodes[place] { Double(bitPattern: bits) } else { nil }
  }

  private func folded(_ node: Node) -> Node {
    func number(_ value: Double) -> Node { .number(bits: value.bitPattern) }
    switch node {
    case .unary(let operation, let x) where operation != .not:
      return constant(x).map { number(operation($0)) } ?? node
    case .binary(let operation, let x, let y) where !operation.isCondition:
      if let left = constant(x), let right = constant(y) { return number(operation(left, right)) }
      // The square is the most common power, and exact.
      return operation == .power && constant(y) == 2 ? .binary(.multiply, x, x) : node
    default:
      return node
    }
  }

  private func kind(of node: Node) -> Kind {
    switch node {
    case .number, .elementCount, .parameter, .fact: Kind(isVector: false, isCondition: false)
    case .input, .random: Kind(isVector: true, isCondition: false)
    case .unary(let operation, let x):
      Kind(isVector: kinds[x].isVector, isCondition: operation == .not)
    case .binary(let operation, let x, let y):
      Kind(isVector: kinds[x].isVector || kinds[y].isVector, isCondition: operation.isCondition)
    case .select(let condition, let x, let y):
      Kind(
        isVector: kinds[condition].isVector || kinds[x].isVector || kinds[y].isVector,
        isCondition: kinds[x].isCondition)
    }
  }

  /// Every node that some others are made from, themselves included.
  func closure(of places: [Int]) -> Set<Int> {
    var found = Set(places)
    guard let last = places.max() else { return found }
    for place in stride(from: last, through: 0, by: -1) where found.contains(place) {
      found.formUnion(nodes[place].operands)
    }
    return found
  }
}

extension FormulaGraph.Node {
  /// The nodes that this one is made from.
  var operands: [Int] {
    switch self {
    case .number, .elementCount, .parameter, .input, .random: []
    case .unary(_, let x): [x]
    case .binary(_, let x, let y): [x, y]
    case .select(let condition, let x, let y): [condition, x, y]
    case .fact(.quantile(let x, let fraction)): [x, fraction]
    case .fact(let fact): fact.vectors
    }
  }
}
