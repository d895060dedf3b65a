/// The exact magnitude from which on elements belong to the k largest, found without sorting.
///
/// The elements are seen in tiles, as often as needed and in any order; nothing but a histogram is
/// kept of them. Each pass counts the next 16 bits of the elements that agree with all bits found
/// so far (a radix selection): `Float` takes at most 2 passes, `Double` at most 4,
/// and 2 where the elements are differences of 16-bit numbers.
///
///     var selection = MagnitudeSelection(keeping: 100, of: count, as: Float.self)
///     while !selection.isComplete {
///       var pass = selection.makePass()
///       for each tile: pass.add(row)            // or one pass per worker, merged with add(_:)
///       selection.finish(pass)
///     }
///     let threshold = selection.threshold
///
/// The order of the magnitudes is the order of the bit patterns without the sign, in which NaN lies
/// above infinity. When there is more NaN than is to be kept, the threshold is infinity.
public struct MagnitudeSelection: Sendable {
  /// How many elements are kept: k.
  public let keptCount: Int
  /// How many elements there are.
  public let count: Int
  private var selection: RadixSelection
  /// Whether magnitudes are patterns of `Float`, not of `Double`.
  private let isSingle: Bool

  /// Starts a selection; keeping none or all takes no pass.
  ///
  /// - Parameters:
  ///   - keptCount: how many elements to keep, `0...count`.
  ///   - count: how many elements there are.
  ///   - type: what the elements are given as.
  public init<T: WorkingFloat>(keeping keptCount: Int, of count: Int, as type: T.Type) {
    precondition(keptCount >= 0 && keptCount <= count, "cannot keep more than there is")
    self.keptCount = keptCount
    self.count = count
    isSingle = T.self == Float.self
    selection = RadixSelection(keeping: keptCount, of: count, keyBits: T.magnitudeBits)
  }

  /// Whether the threshold is known and no pass is needed.
  public var isComplete: Bool {
    selection.unknownBits == 0 || selection.keptCandidates == 0
      || selection.keptCandidates == selection.candidates
  }

  /// A pass over all elements, to be filled and given to ``finish(_:)``.
  public func makePass() -> Pass {
    precondition(!isComplete, "the selection needs no further pass")
    return Pass(histogram: selection.makeHistogram(), isSingle: isSingle)
  }

  /// Takes in what a pass over all elements counted.
  ///
  /// - Parameter pass: made by ``makePass()`` after the previous pass was finished, with every
  ///   element added once, in any order.
  public mutating func finish(_ pass: Pass) {
    selection.finish(pass.histogram)
  }

  /// What decides about an element; the selection must be complete.
  public var threshold: MagnitudeThreshold {
    precondition(isComplete, "the selection needs another pass")
    let kept = selection.keptCandidates
    if kept == 0 { return MagnitudeThreshold(magnitude: .infinity, ties: .none) }
    let magnitude =
      isSingle
      ? Double(Float(bitPattern: UInt32(truncatingIfNeeded: selection.key)))
      : Double(bitPattern: selection.key)
    // No element is equal to NaN or below it; what is kept of NaN is all of it.
    if magnitude.isNaN { return MagnitudeThreshold(magnitude: .infinity, ties: .all) }
    return MagnitudeThreshold(
      magnitude: magnitude, ties: kept == selection.candidates ? .all : .first(kept))
  }

  /// The bytes of a ``Pass``.
  public static let passByteCount = MemoryLayout<Int>.stride << 16

  /// A histogram of the next bits of the elements that start with the known bits: 512 KiB.
  public struct Pass: Sendable {
    fileprivate var histogram: RadixHistogram
    fileprivate let isSingle: Bool

    /// Counts the elements of a tile.
    ///
    /// - Parameter row: the elements, in the type that the selection is for.
    @specialized(where T == Float)
    @specialized(where T == Double)
    public mutating func add<T: WorkingFloat>(_ row: Span<T>) {
      precondition(isSingle == (T.self == Float.self), "the selection is for another type")
      histogram.add(row) { $0.magnitudePattern }
    }

    /// Adds what another worker's pass of the same round counted.
    ///
    /// - Parameter other: made by the same selection at the same time, over other tiles.
    public mutating func add(_ other: Pass) {
      histogram.add(other.histogram)
    }
  }
}
