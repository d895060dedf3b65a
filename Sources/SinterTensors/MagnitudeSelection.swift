/// The exact magnitude from which on elements belong to the k largest, found without sorting.
///
/// The elements are seen in tiles, as often as needed and in any order; nothing but a histogram is
/// kept of them. Each pass counts the next 16 bits of the elements that agree with all bits found
/// so far (a radix selection): `Float` takes at most 2 passes, `Double` at most 4.
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
  /// The bits of a magnitude that are known: the high ones, moved down to the low end.
  private var prefix: UInt64 = 0
  /// The bits of a magnitude that are not known.
  private var unknownBits: Int
  /// How many elements start with the known bits.
  private var candidates: Int
  /// How many of those are kept.
  private var keptCandidates: Int
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
    unknownBits = T.exponentBitCount + T.significandBitCount
    candidates = count
    keptCandidates = keptCount
  }

  /// Whether the threshold is known and no pass is needed.
  public var isComplete: Bool {
    unknownBits == 0 || keptCandidates == 0 || keptCandidates == candidates
  }

  /// A pass over all elements, to be filled and given to ``finish(_:)``.
  public func makePass() -> Pass {
    precondition(!isComplete, "the selection needs no further pass")
    return Pass(prefix: prefix, unknownBits: unknownBits, isSingle: isSingle)
  }

  /// Takes in what a pass over all elements counted.
  ///
  /// - Parameter pass: made by ``makePass()`` after the previous pass was finished, with every
  ///   element added once, in any order.
  public mutating func finish(_ pass: Pass) {
    precondition(
      pass.prefix == prefix && pass.unknownBits == unknownBits, "a pass of another round")
    precondition(
      pass.counted == candidates, "the pass did not see every element exactly once")
    // From the largest digit down, until the bucket that the last kept element lies in.
    var digit = pass.counts.count - 1
    while keptCandidates > pass.counts[digit] {
      keptCandidates -= pass.counts[digit]
      digit -= 1
    }
    candidates = pass.counts[digit]
    prefix = prefix << UInt64(pass.digitBits) | UInt64(digit)
    unknownBits -= pass.digitBits
  }

  /// What decides about an element; the selection must be complete.
  public var threshold: MagnitudeThreshold {
    precondition(isComplete, "the selection needs another pass")
    if keptCandidates == 0 { return MagnitudeThreshold(magnitude: .infinity, ties: .none) }
    let pattern = prefix << UInt64(unknownBits)
    let magnitude =
      isSingle
      ? Double(Float(bitPattern: UInt32(truncatingIfNeeded: pattern)))
      : Double(bitPattern: pattern)
    // No element is equal to NaN or below it; what is kept of NaN is all of it.
    if magnitude.isNaN { return MagnitudeThreshold(magnitude: .infinity, ties: .all) }
    return MagnitudeThreshold(
      magnitude: magnitude, ties: keptCandidates == candidates ? .all : .first(keptCandidates))
  }

  /// The bytes of a ``Pass``.
  public static let passByteCount = MemoryLayout<Int>.stride << 16

  /// A histogram of the next bits of the elements that start with the known bits: 512 KiB.
  public struct Pass: Sendable {
    fileprivate let prefix: UInt64
    fileprivate let unknownBits: Int
    fileprivate let digitBits: Int
    private let isSingle: Bool
    fileprivate var counts: [Int]
    /// The sum of the counts.
    fileprivate var counted = 0

    fileprivate init(prefix: UInt64, unknownBits: Int, isSingle: Bool) {
      self.prefix = prefix
      self.isSingle = isSingle
      self.unknownBits = unknownBits
      digitBits = min(unknownBits, 16)
      counts = [Int](repeating: 0, count: 1 << digitBits)
    }

    /// Counts the elements of a tile.
    ///
    /// - Parameter row: the elements, in the type that the selection is for.
    @specialized(where T == Float)
    @specialized(where T == Double)
    public mutating func add<T: WorkingFloat>(_ row: Span<T>) {
      precondition(isSingle == (T.self == Float.self), "the selection is for another type")
      let prefix = prefix
      let shift = UInt64(unknownBits - digitBits)
      let digitBits = UInt64(digitBits)
      let digitMask = (1 as UInt64) &<< digitBits - 1
      var counts = counts.mutableSpan
      var counted = 0
      // With `for` a bounds check stays in this loop.
      var i = 0
      while i < row.count {
        let digits = row[i].magnitudePattern &>> shift
        if digits &>> digitBits == prefix {
          counts[Int(truncatingIfNeeded: digits & digitMask)] &+= 1
          counted &+= 1
        }
        i &+= 1
      }
      self.counted += counted
    }

    /// Adds what another worker's pass of the same round counted.
    ///
    /// - Parameter other: made by the same selection at the same time, over other tiles.
    public mutating func add(_ other: Pass) {
      precondition(
        prefix == other.prefix && unknownBits == other.unknownBits, "a pass of another round")
      for digit in counts.indices { counts[digit] += other.counts[digit] }
      counted += other.counted
    }
  }
}

extension WorkingFloat {
  /// The bit pattern without the sign: as an integer it has the order of the magnitudes.
  @inline(__always)
  fileprivate var magnitudePattern: UInt64 {
    UInt64(exponentBitPattern) << UInt64(Self.significandBitCount)
      | UInt64(truncatingIfNeeded: significandBitPattern)
  }
}
