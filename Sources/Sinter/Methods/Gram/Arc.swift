import SinterTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The coefficients of two vectors for a point on the arc from one to the other, or on the straight
/// line where there is no arc.
struct Arc: Sendable, Hashable {
  /// The coefficient of the first vector.
  let first: Double
  /// The coefficient of the second vector.
  let second: Double
  /// Whether the coefficients are those of the straight line, which sum to 1 but for rounding.
  let isStraight: Bool

  /// Finds a point.
  ///
  /// Parallel vectors have no arc, and opposite ones have many. A rounded cosine tells parallel from
  /// nearly parallel no better than to an angle of 3e-8; below it arc and line agree in all digits.
  ///
  /// - Parameters:
  ///   - facts: the squares of both lengths and the dot product.
  ///   - t: the place of the point: 0 is the first vector, 1 the second.
  init(_ facts: PairFacts, t: Double) {
    let cosine = Gram.cosine(dot: facts.dot, squares: (facts.first, facts.second))
    isStraight = 1 - cosine * cosine <= 1e-15 || facts.first == 0 && facts.second == 0
    if isStraight {
      (first, second) = (1 - t, t)
    } else {
      let angle = acos(cosine)
      let sine = sin(angle)
      (first, second) = (sin((1 - t) * angle) / sine, sin(t * angle) / sine)
    }
  }
}

/// The squares of the lengths of two vectors and their dot product.
struct PairFacts: Sendable, Hashable {
  var first = 0.0
  var second = 0.0
  var dot = 0.0

  static func += (sum: inout PairFacts, other: PairFacts) {
    sum.first += other.first
    sum.second += other.second
    sum.dot += other.dot
  }
}

extension PairFacts {
  /// The facts about two rows.
  init(_ rows: borrowing TileRows) {
    var products = [0.0, 0, 0]
    var sums = products.mutableSpan
    Reduction.addProducts(of: rows, to: &sums)
    self.init(first: products[0], second: products[2], dot: products[1])
  }

  /// The facts about two rows as they are stored, or about their differences from a base before them;
  /// `nil` when a number is not finite.
  init?(_ rows: borrowing StoredRows, hasBase: Bool = false) {
    var products = [0.0, 0, 0]
    var sums = products.mutableSpan
    guard Reduction.addProducts(of: rows, hasBase: hasBase, to: &sums) else { return nil }
    self.init(first: products[0], second: products[2], dot: products[1])
  }

  /// The facts about the differences of two rows from a base.
  init(_ rows: borrowing TileRows, minus base: Span<Double>) {
    var products = [0.0, 0, 0]
    var sums = products.mutableSpan
    Reduction.addProducts(of: rows, minus: base, to: &sums)
    self.init(first: products[0], second: products[2], dot: products[1])
  }
}

/// The facts about two tensors, each taken as one vector or as one vector for each column, and the
/// arcs that follow from them.
public struct ArcSurvey: TensorSurvey {
  /// What a run of tiles contributes.
  ///
  /// It holds the columns that the run has met, from the first one on: all of a matrix of ordinary
  /// width, and no more than the run has elements where a column is one of millions.
  public struct Partial: Sendable {
    fileprivate let columns: Int
    fileprivate var firstColumn = 0
    fileprivate var facts: [PairFacts] = []
  }

  private let t: Double
  private let columns: Int
  /// The sums of each column; empty as long as there are none, since the engine keeps a copy of the
  /// survey as it was.
  private var facts: [PairFacts] = []

  /// The arc of each column; empty before the pass has ended.
  private(set) var arcs: [Arc] = []
  /// Whether the one pass that is needed has been made.
  public private(set) var isComplete = false

  /// Makes a survey that has seen nothing yet.
  ///
  /// - Parameters:
  ///   - columns: the number of vectors: elements whose indices differ by a multiple of it belong
  ///     to the same one.
  ///   - t: the place of the result on each arc.
  init(columns: Int, t: Double) {
    self.t = t
    self.columns = columns
    isComplete = columns == 0
  }

  /// The contribution of no tile.
  public func makePartial() -> Partial { Partial(columns: columns) }

  /// Adds what a run of tiles contributes.
  public mutating func add(_ partial: Partial) {
    prepare()
    var column = partial.firstColumn
    for found in partial.facts {
      facts[column] += found
      column = column + 1 == columns ? 0 : column + 1
    }
  }

  private mutating func prepare() {
    if facts.isEmpty { facts = [PairFacts](repeating: PairFacts(), count: columns) }
  }

  /// Ends the pass.
  public mutating func finishPass() {
    prepare()
    arcs = facts.map { Arc($0, t: t) }
    facts = []
    isComplete = true
  }
}

extension ArcSurvey.Partial {
  /// Adds the facts about a tile of two tensors, each one vector.
  mutating func add(_ found: PairFacts) {
    if facts.isEmpty { facts = [PairFacts()] }
    facts[0] += found
  }

  /// Adds a tile of two tensors, each column a vector.
  ///
  /// - Parameters:
  ///   - first: the elements of the first tensor.
  ///   - second: those of the second.
  ///   - start: the index of the first of them in the tensor.
  mutating func add(_ first: Span<Double>, _ second: Span<Double>, from start: Int) {
    if facts.isEmpty {
      firstColumn = start % columns
      facts.reserveCapacity(min(columns, first.count))
    }
    var slot = start % columns - firstColumn
    if slot < 0 { slot += columns }
    for i in 0..<first.count {
      if slot == facts.count { facts.append(PairFacts()) }
      facts[slot].first += first[i] * first[i]
      facts[slot].second += second[i] * second[i]
      facts[slot].dot += first[i] * second[i]
      slot = slot + 1 == columns ? 0 : slot + 1
    }
  }
}
