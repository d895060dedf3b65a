import SinterTensors

/// The quartiles of how much the elements of a tensor matter, and the divergences of its rows.
///
/// It takes a sample and one or two passes. Divergences cost most, so they are kept from the first
/// pass over everything on, unless the rows are so short that there are very many of them.
public struct ImportanceSurvey: TensorSurvey {
  /// What a run of tiles contributes to a pass.
  public struct Partial: Sendable {
    /// One for each quartile, `nil` for one that is known.
    fileprivate var passes: [OrderStatistic.Pass?]
    fileprivate let keepsDivergences: Bool
    /// The most rows that are seen.
    fileprivate let rowCount: Int
    fileprivate var divergences: [Double] = []

    /// Adds a tile.
    ///
    /// - Parameters:
    ///   - importance: how much each element matters.
    ///   - rows: the divergences of the tile's rows.
    mutating func add(_ importance: Span<Double>, divergences rows: [Double]) {
      for index in passes.indices { passes[index]?.add(importance) }
      guard keepsDivergences else { return }
      if divergences.isEmpty { divergences.reserveCapacity(rowCount) }
      divergences += rows
    }
  }

  /// The largest number of rows whose divergences are kept: 8 MiB.
  static let mostRowsKept = 1 << 20

  /// The first quartile, the median and the third quartile; none for an empty tensor.
  private var quartiles: [OrderStatistic]
  private var passes: [OrderStatistic.Pass?] = []
  private var divergences: [Double] = []
  private let rowCount: Int
  private let rowsPerStep: Int
  /// Whether no pass before has looked at everything.
  private var isFirstPass = true

  /// Starts a survey; it is complete at once when there are no elements.
  ///
  /// - Parameters:
  ///   - elementCount: the number of elements.
  ///   - rowCount: the number of rows that they form.
  ///   - rowsPerStep: the most rows that one partial result is for.
  init(elementCount: Int, rowCount: Int, rowsPerStep: Int) {
    self.rowCount = rowCount
    self.rowsPerStep = rowsPerStep
    quartiles =
      elementCount == 0
      ? []
      : [0.25, 0.5, 0.75].map { share in
        OrderStatistic(
          rank: Int(share * Double(elementCount - 1)), of: elementCount)
      }
  }

  /// Whether the quartiles are known.
  public var isComplete: Bool { quartiles.allSatisfy { $0.isComplete } }

  /// A sample, where the quartiles are looked for in many elements.
  public var coverage: PassCoverage {
    quartiles.contains(where: \.samples) ? .sample : .everything
  }

  /// From which importance on an element is taken from the model.
  var threshold: Double {
    guard quartiles.count == 3 else { return 0 }
    return quartiles[1].value + 1.5 * (quartiles[2].value - quartiles[0].value)
  }

  /// The divergences of some rows, or `nil` when they are not known.
  func divergences(ofRows rows: Range<Int>) -> [Double]? {
    rows.upperBound <= divergences.count ? Array(divergences[rows]) : nil
  }

  /// The contribution of no tile.
  public func makePartial() -> Partial {
    Partial(
      passes: quartiles.map { $0.isComplete ? nil : $0.makePass() },
      keepsDivergences: isFirstPass && coverage == .everything && rowCount <= Self.mostRowsKept,
      rowCount: min(rowCount, rowsPerStep))
  }

  /// Takes up the contribution of a run of tiles.
  public mutating func add(_ partial: Partial) {
    if passes.isEmpty {
      passes = partial.passes
    } else {
      for index in passes.indices {
        if let pass = partial.passes[index] { passes[index]?.add(pass) }
      }
    }
    guard !partial.divergences.isEmpty else { return }
    if divergences.isEmpty { divergences.reserveCapacity(rowCount) }
    divergences += partial.divergences
  }

  /// Ends a pass.
  public mutating func finishPass() {
    if coverage == .everything { isFirstPass = false }
    for (index, pass) in passes.enumerated() {
      if let pass { quartiles[index].finish(pass) }
    }
    passes = []
  }
}
