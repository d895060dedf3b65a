/// Which of some equal elements are kept, lowest index first.
enum TieQuota: Sendable, Hashable {
  /// None of them.
  case none
  /// All of them.
  case all
  /// The first so many, at least 1 and not all.
  case first(Int)
}

/// The rule by which the elements of largest magnitude are kept.
///
/// An element is kept when its magnitude is above ``magnitude``, or equal to it and within
/// ``ties``. NaN is never dropped, so that it cannot vanish.
struct MagnitudeThreshold: Sendable, Hashable {
  /// The magnitude of the smallest elements kept, or a little less when all its equals are kept.
  let magnitude: Double
  /// Which of the elements of exactly this magnitude are kept, of all tiles together.
  let ties: TieQuota

  /// Makes a rule.
  ///
  /// - Parameters:
  ///   - magnitude: the lowest magnitude of which elements are kept, at least 0, not NaN.
  ///   - ties: which of the elements of exactly this magnitude are kept.
  init(magnitude: Double, ties: TieQuota) {
    precondition(magnitude >= 0, "a magnitude is not negative")
    self.magnitude = magnitude
    self.ties = ties
  }

  /// Sets the elements that are not kept to zero.
  ///
  /// - Parameters:
  ///   - row: the elements of a tile.
  ///   - base: what is subtracted from them before, if anything.
  ///   - quota: which elements of exactly the threshold's magnitude are kept, in this tile.
  func apply(
    to row: inout MutableSpan<Double>, minus base: Span<Double>? = nil, ties quota: TieQuota
  ) {
    switch quota {
    case .none: Kernels.keep(&row, minus: base, above: magnitude, orEqual: false)
    case .all: Kernels.keep(&row, minus: base, above: magnitude, orEqual: true)
    case .first(var left):
      if let base { RowArithmetic.subtract(base, from: &row) }
      // The comparison asks what is dropped: for NaN the answer is no.
      for i in 0..<row.count where row[i].magnitude <= magnitude {
        if row[i].magnitude == magnitude && left > 0 {
          left -= 1
        } else {
          row[i] = 0
        }
      }
    }
  }

  /// Sets the elements that would be kept to zero and leaves the others.
  ///
  /// - Parameters:
  ///   - row: the elements of a tile; NaN stays.
  ///   - quota: which elements of exactly the threshold's magnitude would be kept, in this tile.
  func remove(from row: inout MutableSpan<Double>, ties quota: TieQuota) {
    switch quota {
    case .none: Kernels.drop(&row, above: magnitude, orEqual: false)
    case .all: Kernels.drop(&row, above: magnitude, orEqual: true)
    case .first(var left):
      for i in 0..<row.count where row[i].magnitude >= magnitude {
        if row[i].magnitude > magnitude {
          row[i] = 0
        } else if left > 0 {
          row[i] = 0
          left -= 1
        }
      }
    }
  }

  /// The largest magnitude that ``apply(to:minus:ties:)`` drops, NaN for none; `nil` where some of those
  /// that equal the threshold are kept.
  ///
  /// Whether a zero is dropped makes no difference, so no bound says so.
  func lowBound(ties quota: TieQuota) -> Double? {
    guard magnitude > 0 else { return .nan }
    return switch quota {
    case .none: magnitude
    case .all: magnitude.nextDown
    case .first: nil
    }
  }

  /// The smallest magnitude that ``remove(from:ties:)`` drops, NaN for none; `nil` where some of those
  /// that equal the threshold stay.
  func highBound(ties quota: TieQuota) -> Double? {
    switch quota {
    case .none: magnitude == .infinity ? .nan : magnitude.nextUp
    case .all: magnitude
    case .first: nil
    }
  }
}
