import SinterTensors

/// The dot products of all vectors of a group in one pass, and what a method makes of them: the
/// coefficients of the sum that is its result.
///
/// The method's part is done once, when the pass ends. Where it needs the length of a sum whose
/// parts cancel, it asks for one more pass that measures it.
public struct GramSurvey: TensorSurvey {
  /// What a method makes of dot products.
  enum Solution: Sendable, Hashable {
    /// The result is the first vector as it stands.
    case copy
    /// The result is the sum of the vectors times these coefficients.
    case combine([Double])
    /// The length of the sum of the vectors times these coefficients is needed first.
    case measure([Double])
  }

  /// Finds the result: from the dot products, and from the length of what it asked to be measured.
  typealias Solver = @Sendable (_ gram: Gram, _ measured: Double?) -> Solution

  /// The sums over a run of tiles.
  public struct Partial: Sendable {
    /// The dot products, or the square of the measured length.
    fileprivate(set) var sums: [Double]
    /// Whether vectors were seen to differ.
    fileprivate(set) var differ = false
  }

  private let count: Int
  private let solver: Solver
  private var gram: Gram?
  private var sums: [Double]
  private var differ = false

  /// What is known of the result; `nil` before the first pass has ended.
  private(set) var solution: Solution?

  /// Whether no further pass is needed.
  public var isComplete: Bool {
    switch solution {
    case nil, .measure: false
    case .copy, .combine: true
    }
  }

  /// Makes a survey that has seen nothing yet.
  ///
  /// - Parameters:
  ///   - count: the number of vectors.
  ///   - solver: what makes a result of their dot products.
  init(count: Int, solver: @escaping Solver) {
    self.count = count
    self.solver = solver
    sums = [Double](repeating: 0, count: Gram.size(count))
  }

  /// A survey that needs no pass.
  ///
  /// - Parameter solution: what it is to have found.
  init(_ solution: Solution) {
    self.init(count: 0) { _, _ in solution }
    self.solution = solution
  }

  /// Sums that are zero.
  public func makePartial() -> Partial {
    Partial(sums: [Double](repeating: 0, count: sums.count))
  }

  /// Adds the sums of a run of tiles.
  public mutating func add(_ partial: Partial) {
    for i in sums.indices { sums[i] += partial.sums[i] }
    differ = differ || partial.differ
  }

  /// Ends a pass.
  public mutating func finishPass() {
    if let gram {
      solution = solver(gram, sums[0].squareRoot())
    } else {
      let gram = Gram(products: sums, count: count, areEqual: !differ)
      solution = solver(gram, nil)
      self.gram = gram
    }
    sums = [0]
  }
}

extension GramSurvey.Partial {
  /// Notes whether two vectors differ in a tile; nothing is looked at once they are known to.
  mutating func compare(_ first: Span<Double>, _ second: Span<Double>) {
    if !differ { differ = !Reduction.areEqual(first, second) }
  }

  /// Adds the dot products of the rows of a tile.
  mutating func addProducts(_ rows: borrowing TileRows) {
    var span = sums.mutableSpan
    Reduction.addProducts(of: rows, to: &span)
  }

  /// Adds the dot products of the differences of the rows of a tile from a base.
  mutating func addProducts(_ rows: borrowing TileRows, minus base: Span<Double>) {
    var span = sums.mutableSpan
    Reduction.addProducts(of: rows, minus: base, to: &span)
  }

  /// Adds the dot products of rows as they are stored, or of their differences from a base before
  /// them, once vectors are known to differ.
  ///
  /// - Returns: whether they were added.
  mutating func addProducts(_ rows: borrowing StoredRows, hasBase: Bool) -> Bool {
    guard differ else { return false }
    var span = sums.mutableSpan
    return Reduction.addProducts(of: rows, hasBase: hasBase, to: &span)
  }

  /// Adds the square of a row.
  mutating func addSquare(_ row: Span<Double>) { sums[0] += Reduction.sumOfSquares(row) }
}
