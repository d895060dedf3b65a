/// The k-th smallest of many elements by value, found exactly and without sorting.
///
/// The elements are seen in tiles, as often as needed and in any order; nothing but a histogram is
/// kept of them. Each pass settles 16 bits of the result (a radix selection): `Float` takes at
/// most 2 passes, `Double` at most 4.
///
///     var median = OrderStatistic(rank: (count - 1) / 2, of: count, as: Double.self)
///     while !median.isComplete {
///       var pass = median.makePass()
///       for each tile: pass.add(row)            // or one pass per worker, merged with add(_:)
///       median.finish(pass)
///     }
///     let value = median.value
///
/// Negative numbers come before positive ones, and -0 equals 0. NaN has no place in the order:
/// callers refuse it before they select. ``MagnitudeSelection`` is the same for magnitudes, and
/// tells which elements to keep.
public struct OrderStatistic: Sendable {
  /// How many elements come before the one that is looked for: 0 is the smallest.
  public let rank: Int
  /// How many elements there are.
  public let count: Int
  private var selection: RadixSelection
  /// Whether the elements are given as `Float`, not as `Double`.
  private let isSingle: Bool

  /// Starts a search.
  ///
  /// - Parameters:
  ///   - rank: the place of the element in ascending order, `0..<count`.
  ///   - count: how many elements there are, at least 1.
  ///   - type: what the elements are given as.
  public init<T: WorkingFloat>(rank: Int, of count: Int, as type: T.Type) {
    precondition(rank >= 0 && rank < count, "there is no element of this rank")
    self.rank = rank
    self.count = count
    isSingle = T.self == Float.self
    selection = RadixSelection(
      keeping: count - rank, of: count, keyBits: T.magnitudeBits + 1)
  }

  /// Whether the value is known and no further pass is needed.
  public var isComplete: Bool { selection.unknownBits == 0 }

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

  /// The element; the selection must be complete.
  ///
  /// A zero is returned without its sign.
  public var value: Double {
    precondition(isComplete, "the selection needs another pass")
    return isSingle ? Double(Float(orderedKey: selection.key)) : Double(orderedKey: selection.key)
  }

  /// A histogram of the next bits of the elements that start with the known bits: 512 KiB.
  public struct Pass: Sendable {
    fileprivate var histogram: RadixHistogram
    fileprivate let isSingle: Bool

    /// Counts the elements of a tile.
    ///
    /// - Parameter row: the elements, none of them NaN, in the type that the selection is for.
    @specialized(where T == Float)
    @specialized(where T == Double)
    public mutating func add<T: WorkingFloat>(_ row: Span<T>) {
      precondition(isSingle == (T.self == Float.self), "the selection is for another type")
      histogram.add(row) { $0.orderedKey }
    }

    /// Adds what another worker's pass of the same round counted.
    ///
    /// - Parameter other: made by the same selection at the same time, over other tiles.
    public mutating func add(_ other: Pass) {
      histogram.add(other.histogram)
    }
  }
}

extension WorkingFloat {
  /// The key of both zeros: in the middle, so that magnitudes count up and down from it.
  @inline(__always)
  fileprivate static var zeroKey: UInt64 { 1 << UInt64(magnitudeBits) }

  /// An unsigned number that has the order of the values.
  @inline(__always)
  fileprivate var orderedKey: UInt64 {
    sign == .minus ? Self.zeroKey &- magnitudePattern : Self.zeroKey &+ magnitudePattern
  }

  /// The value of a key.
  fileprivate init(orderedKey key: UInt64) {
    let isNegative = key < Self.zeroKey
    let pattern = isNegative ? Self.zeroKey - key : key - Self.zeroKey
    let significandBits = UInt64(Self.significandBitCount)
    self.init(
      sign: isNegative ? .minus : .plus,
      exponentBitPattern: RawExponent(pattern >> significandBits),
      significandBitPattern: RawSignificand(pattern & (1 << significandBits - 1)))
  }
}
