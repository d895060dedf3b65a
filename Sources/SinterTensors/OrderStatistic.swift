/// The k-th smallest of many elements by value, found exactly and without sorting.
///
/// The elements are seen in tiles, in any order, in as many passes as it takes: one for a few
/// thousand elements; for more a sample and one pass over all of them, or two where nearly all
/// values are different. Nothing but counts and some keys are kept of them.
///
///     var median = OrderStatistic(rank: (count - 1) / 2, of: count)
///     while !median.isComplete {
///       var pass = median.makePass()
///       for each tile: pass.add(row)                   // of a sample, when median.samples
///       median.finish(pass)                            // passes of several workers: add(_:)
///     }
///     let value = median.value
///
/// Negative numbers come before positive ones, and -0 equals 0. All NaN are equal and come last,
/// whatever their signs, which machines give them differently. ``MagnitudeSelection`` is the same
/// for magnitudes, and tells which elements to keep.
public struct OrderStatistic: Sendable {
  /// How many elements come before the one that is looked for: 0 is the smallest.
  public let rank: Int
  /// How many elements there are.
  public let count: Int
  private var selection: KeySelection

  /// Starts a search.
  ///
  /// - Parameters:
  ///   - rank: the place of the element in ascending order, `0..<count`.
  ///   - count: how many elements there are, at least 1.
  public init(rank: Int, of count: Int) {
    precondition(rank >= 0 && rank < count, "there is no element of this rank")
    self.rank = rank
    self.count = count
    selection = KeySelection(
      keeping: .count(count - rank), of: count, findsCut: false, samples: true, findsLeast: true)
  }

  /// Whether the value is known and no further pass is needed.
  public var isComplete: Bool { selection.stage == .done }

  /// Whether the next pass is over a sample: some thousand elements from all over, in pieces.
  public var samples: Bool { selection.stage == .sampling }

  /// A pass over the elements, to be filled and given to ``finish(_:)``.
  public func makePass() -> Pass {
    precondition(!isComplete, "the selection needs no further pass")
    return Pass(keys: selection.makePass())
  }

  /// Takes in what a pass found.
  ///
  /// - Parameter pass: made by ``makePass()`` after the previous pass was finished, with every
  ///   element added once, in any order; any elements of a sample.
  public mutating func finish(_ pass: Pass) {
    selection.finish(pass.keys)
  }

  /// The element; the selection must be complete.
  ///
  /// A zero is returned without its sign.
  public var value: Double {
    guard isComplete, let place = selection.place else {
      preconditionFailure("the selection needs another pass")
    }
    return Double(orderedKey: place.key)
  }

  /// The most bytes that a ``Pass`` takes.
  public static let passByteCount =
    MagnitudeSelection.passByteCount + KeyPass.partLength * MemoryLayout<Double>.stride

  /// What a pass finds in some tiles.
  public struct Pass: Sendable {
    fileprivate var keys: KeyPass
    /// Numbers whose bits are the keys of a part of a tile.
    private var row: [Double] = []

    fileprivate init(keys: KeyPass) {
      self.keys = keys
    }

    /// Looks at the elements of a tile, or of a piece of one in a sample.
    ///
    /// - Parameter values: the elements.
    public mutating func add(_ values: Span<Double>) {
      for start in stride(from: 0, to: values.count, by: KeyPass.partLength) {
        let count = min(KeyPass.partLength, values.count - start)
        if row.count < count { row = [Double](repeating: 0, count: count) }
        var patterns = row.mutableSpan
        let part = values.extracting(start..<start + count)
        var i = 0
        while i < count {
          patterns[i] = Double(bitPattern: part[i].orderedKey)
          i &+= 1
        }
        let row = row
        keys.add(row.span.extracting(0..<count), mask: .max, tile: 0, continues: start > 0)
      }
    }

    /// Adds what was found in other tiles.
    ///
    /// - Parameter other: made by the same selection at the same time.
    public mutating func add(_ other: Pass) {
      keys.add(other.keys)
    }
  }
}

extension Double {
  /// The key of both zeros: in the middle, so that magnitudes count up and down from it.
  private static var zeroKey: UInt64 { 1 << 63 }

  /// The key of NaN of any pattern: above that of infinity, and below the greatest number, which is
  /// no key (``KeyBracket/atoms``).
  private static var nanKey: UInt64 { zeroKey + Double.nan.bitPattern }

  /// An unsigned number that has the order of the values.
  fileprivate var orderedKey: UInt64 {
    // Without branches, so that it becomes vector code: all ones for negative numbers.
    let sign = UInt64(bitPattern: Int64(bitPattern: bitPattern) >> 63)
    let magnitude = bitPattern & ~(1 << 63)
    let key = Self.zeroKey &+ ((magnitude ^ sign) &- sign)
    return isNaN ? Self.nanKey : key
  }

  /// The value of a key.
  fileprivate init(orderedKey key: UInt64) {
    self =
      key < Self.zeroKey
      ? -Double(bitPattern: Self.zeroKey - key) : Double(bitPattern: key - Self.zeroKey)
  }
}
