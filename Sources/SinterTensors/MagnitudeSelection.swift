/// The exact magnitude from which on elements belong to the k largest, found without sorting.
///
/// The elements are seen in tiles, in any order, in as many passes as it takes: one for a few
/// thousand elements; for more a sample and one pass over all of them, or two where nearly all
/// magnitudes are different. Nothing but counts and some keys are kept of them.
///
///     var selection = MagnitudeSelection(keeping: 100, of: count)
///     while !selection.isComplete {
///       var pass = selection.makePass()
///       for each tile: pass.add(row, tile: number)     // of a sample, when selection.samples
///       selection.finish(pass)                         // passes of several workers: add(_:)
///     }
///     for each tile: selection.keep(&row, tile: number)
///
/// The order of the magnitudes is the order of the bit patterns without the sign, in which NaN lies
/// above infinity; still NaN is never dropped, so that it cannot vanish. Of equal magnitudes those of
/// lowest index are kept.
public struct MagnitudeSelection: Sendable {
  private var selection: KeySelection

  /// Starts a selection; keeping none or all takes no pass.
  ///
  /// - Parameters:
  ///   - keptCount: how many elements to keep, `0...count`.
  ///   - count: how many elements there are.
  ///   - samples: whether the first pass of many elements is to be over a sample.
  public init(keeping keptCount: Int, of count: Int, samples: Bool = true) {
    precondition(keptCount >= 0 && keptCount <= count, "cannot keep more than there is")
    selection = KeySelection(
      keeping: .count(keptCount), of: count, findsCut: true, samples: samples)
  }

  /// Starts a selection of a share of the elements that are not zero, rounded down.
  ///
  /// - Parameters:
  ///   - share: 0...1.
  ///   - count: how many elements there are, zeros included.
  ///   - samples: whether the first pass of many elements is to be over a sample.
  public init(keepingShareOfNonzero share: Double, of count: Int, samples: Bool = true) {
    precondition(share >= 0 && share <= 1, "not a share")
    selection = KeySelection(
      keeping: .shareOfNonzero(share), of: count, findsCut: true, samples: samples)
  }

  /// Whether all is known and no further pass is needed.
  public var isComplete: Bool { selection.stage == .done }

  /// Whether the next pass is over a sample: some thousand elements from all over, in pieces.
  public var samples: Bool { selection.stage == .sampling }

  /// The tiles that the next pass has to look at, where some are enough; `nil` for all.
  ///
  /// It asks for some when all is known but the tile in which the last of some equal magnitudes is
  /// kept. Others may be looked at as well.
  public var tiles: Range<Int>? { selection.tiles }

  /// How many elements are kept; `nil` while a share is not known.
  public var keptCount: Int? { selection.keptCount }

  /// A pass over the elements, to be filled and given to ``finish(_:)``.
  public func makePass() -> Pass {
    precondition(!isComplete, "the selection needs no further pass")
    return Pass(keys: selection.makePass())
  }

  /// Takes in what a pass found.
  ///
  /// - Parameter pass: made by ``makePass()`` after the previous pass was finished, with every
  ///   element added once, in any order; any elements of a sample, all of ``tiles``.
  public mutating func finish(_ pass: Pass) {
    selection.finish(pass.keys)
  }

  /// The magnitude of the smallest elements kept; the selection must be complete.
  ///
  /// It is 0 when all are kept, and infinity when none are, or nothing but NaN.
  public var threshold: Double { rule.magnitude }

  /// Sets the elements of a tile that are not kept to zero.
  ///
  /// - Parameters:
  ///   - row: the elements of the tile.
  ///   - base: as many numbers, subtracted from the elements before; `nil` for none.
  ///   - tile: its number.
  public func keep(
    _ row: inout MutableSpan<Double>, minus base: Span<Double>? = nil, tile: Int
  ) {
    let rule = rule
    rule.apply(to: &row, minus: base, ties: ties(inTile: tile, rule))
  }

  /// Sets the elements of a tile that are kept to zero, and leaves the others, and NaN.
  ///
  /// - Parameters:
  ///   - row: the elements of the tile.
  ///   - tile: its number.
  public func remove(_ row: inout MutableSpan<Double>, tile: Int) {
    let rule = rule
    rule.remove(from: &row, ties: ties(inTile: tile, rule))
  }

  /// The largest magnitude that ``keep(_:minus:tile:)`` drops in a tile, NaN for none; `nil` where
  /// some of those that equal the threshold are kept.
  func lowBound(inTile tile: Int) -> Double? {
    let rule = rule
    return rule.lowBound(ties: ties(inTile: tile, rule))
  }

  /// The smallest magnitude that ``remove(_:tile:)`` drops in a tile, NaN for none; `nil` where some of
  /// those that equal the threshold stay.
  func highBound(inTile tile: Int) -> Double? {
    let rule = rule
    return rule.highBound(ties: ties(inTile: tile, rule))
  }

  private var rule: MagnitudeThreshold {
    precondition(isComplete, "the selection needs another pass")
    guard let place = selection.place else {
      return selection.keptCount == 0
        ? MagnitudeThreshold(magnitude: .infinity, ties: .none)
        : MagnitudeThreshold(magnitude: 0, ties: .all)
    }
    let magnitude = Double(bitPattern: place.key)
    // No element is equal to NaN or below it; what is kept of NaN is all of it.
    if magnitude.isNaN { return MagnitudeThreshold(magnitude: .infinity, ties: .all) }
    return MagnitudeThreshold(
      magnitude: magnitude, ties: place.kept == place.ties ? .all : .first(place.kept))
  }

  private func ties(inTile tile: Int, _ rule: MagnitudeThreshold) -> TieQuota {
    guard case .first = rule.ties, let cut = selection.place?.cut else { return rule.ties }
    return tile < cut.tile ? .all : tile > cut.tile ? .none : .first(cut.kept)
  }

  /// The most bytes that a ``Pass`` takes, with a part of what is kept of all passes together.
  public static let passByteCount =
    (KeyPass.mostCollected + 3 * 1024 + KeyPass.partLength + KeySelection.mostCollected / 5)
    * MemoryLayout<UInt64>.stride + KeyLocations.byteCount

  /// What a pass finds in some tiles.
  public struct Pass: Sendable {
    fileprivate var keys: KeyPass

    /// Looks at the elements of a tile, or of a piece of one in a sample.
    ///
    /// - Parameters:
    ///   - row: the elements.
    ///   - base: as many numbers, subtracted from the elements before; `nil` for none.
    ///   - tile: the number of the tile.
    public mutating func add(_ row: Span<Double>, minus base: Span<Double>? = nil, tile: Int) {
      keys.add(row, minus: base, mask: ~(1 << 63), tile: tile)
    }

    /// Looks at the elements of a tile for two selections at once.
    ///
    /// - Parameters:
    ///   - row: the elements.
    ///   - base: as many numbers, subtracted from the elements before; `nil` for none.
    ///   - tile: the number of the tile.
    ///   - first: a pass of a selection; `nil` for none.
    ///   - second: a pass of another one; `nil` for none.
    public static func add(
      _ row: Span<Double>, minus base: Span<Double>? = nil, tile: Int,
      to first: inout Pass?, _ second: inout Pass?
    ) {
      // Taken out, so that both can be changed without being copied.
      guard first != nil, second != nil, var one = first.take(), var other = second.take() else {
        first?.add(row, minus: base, tile: tile)
        second?.add(row, minus: base, tile: tile)
        return
      }
      KeyPass.add(row, minus: base, mask: ~(1 << 63), tile: tile, to: &one.keys, &other.keys)
      first = one
      second = other
    }

    /// Looks at the differences of a row from the first for one selection or two at once, of rows as
    /// they are stored.
    ///
    /// - Parameters:
    ///   - rows: the base, and rows behind it; all numbers must be finite.
    ///   - row: the number of the row, from 1.
    ///   - tile: the number of the tile.
    ///   - first: a pass of a selection; `nil` for none.
    ///   - second: a pass of another one; `nil` for none.
    public static func add(
      _ rows: borrowing StoredRows, row: Int, tile: Int,
      to first: inout Pass?, _ second: inout Pass?
    ) {
      // Taken out, so that both can be changed without being copied.
      guard first != nil, second != nil, var one = first.take(), var other = second.take() else {
        first?.keys.add(rows, row: row, tile: tile)
        second?.keys.add(rows, row: row, tile: tile)
        return
      }
      KeyPass.add(rows, row: row, tile: tile, to: &one.keys, &other.keys)
      first = one
      second = other
    }

    /// Adds what was found in other tiles.
    ///
    /// - Parameter other: made by the same selection at the same time.
    public mutating func add(_ other: Pass) {
      keys.add(other.keys)
    }
  }
}
