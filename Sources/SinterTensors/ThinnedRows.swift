/// What is left of the differences of some rows of a tile from a base.
///
/// It is found on the way where the rows are merged, so that they need not be written before.
public enum ThinnedRows: Sendable, Hashable {
  /// The rows are these differences: the base was subtracted before.
  case subtracted
  /// Of each row the differences whose magnitudes its bounds do not drop; as many bounds as rows.
  case bounded([MagnitudeBounds])
  /// The differences that are marked: ``RowArithmetic/markCount(_:)`` marks for each row, those of one
  /// row after those of the one before.
  case marked([UInt16])
}

/// Two magnitudes between which elements are kept.
///
/// NaN is never dropped, so that it cannot vanish.
public struct MagnitudeBounds: Sendable, Hashable, BitwiseCopyable {
  /// Magnitudes up to it are dropped; none if it is NaN.
  public let low: Double
  /// Magnitudes from it on are dropped; none if it is NaN.
  public let high: Double

  /// Makes bounds.
  ///
  /// - Parameters:
  ///   - low: the largest of the small magnitudes that are dropped; NaN for none.
  ///   - high: the smallest of the large magnitudes that are dropped; NaN for none.
  public init(low: Double = .nan, high: Double = .nan) {
    self.low = low
    self.high = high
  }

  /// Makes the bounds of a tile that keep what one selection keeps and another one does not; `nil`
  /// where bounds cannot say it, since of equal magnitudes in the tile some are kept.
  ///
  /// - Parameters:
  ///   - outer: keeps all that is kept; `nil` if that is all.
  ///   - inner: keeps what is dropped of that; `nil` if that is nothing.
  ///   - tile: the number of the tile.
  public init?(keptBy outer: MagnitudeSelection?, notBy inner: MagnitudeSelection?, tile: Int) {
    let low = outer.map { $0.lowBound(inTile: tile) } ?? .nan
    let high = inner.map { $0.highBound(inTile: tile) } ?? .nan
    guard let low, let high else { return nil }
    self.init(low: low, high: high)
  }
}
