/// Which of some equal elements are kept, lowest index first.
public enum TieQuota: Sendable, Hashable {
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
public struct MagnitudeThreshold: Sendable, Hashable {
  /// The magnitude of the smallest elements kept, or a little less when all its equals are kept.
  public let magnitude: Double
  /// Which of the elements of exactly this magnitude are kept, of all tiles together.
  ///
  /// If only the first so many are, ``TieCounts`` tells each tile its part.
  public let ties: TieQuota

  /// Makes a rule.
  ///
  /// - Parameters:
  ///   - magnitude: the lowest magnitude of which elements are kept, at least 0, not NaN.
  ///   - ties: which of the elements of exactly this magnitude are kept.
  public init(magnitude: Double, ties: TieQuota) {
    precondition(magnitude >= 0, "a magnitude is not negative")
    self.magnitude = magnitude
    self.ties = ties
  }

  /// Counts the elements of exactly the threshold's magnitude.
  ///
  /// - Parameter row: the elements of a tile, fewer than 2^32.
  /// - Returns: how many there are, whichever of them are kept.
  @specialized(where T == Float)
  @specialized(where T == Double)
  public func tieCount<T: WorkingFloat>(in row: Span<T>) -> Int {
    precondition(row.count <= Int(UInt32.max), "the row is too long")
    let threshold = T(magnitude)
    // Counted in 32 bits, which takes half as many vector operations as 64.
    var count: UInt32 = 0
    // With `for` a bounds check stays in this loop and keeps it from becoming vector code.
    var i = 0
    while i < row.count {
      count &+= row[i].magnitude == threshold ? 1 : 0
      i &+= 1
    }
    return Int(count)
  }

  /// Sets the elements that are not kept to zero.
  ///
  /// - Parameters:
  ///   - row: the elements of a tile.
  ///   - quota: which elements of exactly the threshold's magnitude are kept, in this tile.
  @specialized(where T == Float)
  @specialized(where T == Double)
  public func apply<T: WorkingFloat>(to row: inout MutableSpan<T>, ties quota: TieQuota) {
    let threshold = T(magnitude)
    // The comparisons ask what is dropped: for NaN the answer is no.
    switch quota {
    case .none:
      var i = 0
      while i < row.count {
        let value = row[i]
        row[i] = value.magnitude <= threshold ? 0 : value
        i &+= 1
      }
    case .all:
      var i = 0
      while i < row.count {
        let value = row[i]
        row[i] = value.magnitude < threshold ? 0 : value
        i &+= 1
      }
    case .first(var left):
      for i in 0..<row.count where row[i].magnitude <= threshold {
        if row[i].magnitude == threshold && left > 0 {
          left -= 1
        } else {
          row[i] = 0
        }
      }
    }
  }
}

extension MagnitudeThreshold {
  /// Sets the elements that would be kept to zero and leaves the others.
  ///
  /// - Parameters:
  ///   - row: the elements of a tile; NaN stays.
  ///   - quota: which elements of exactly the threshold's magnitude would be kept, in this tile.
  public func remove(from row: inout MutableSpan<Double>, ties quota: TieQuota) {
    let threshold = magnitude
    // The comparisons ask what is removed: for NaN the answer is no.
    switch quota {
    case .none:
      var i = 0
      while i < row.count {
        let value = row[i]
        row[i] = value.magnitude > threshold ? 0 : value
        i &+= 1
      }
    case .all:
      var i = 0
      while i < row.count {
        let value = row[i]
        row[i] = value.magnitude >= threshold ? 0 : value
        i &+= 1
      }
    case .first(var left):
      for i in 0..<row.count where row[i].magnitude >= threshold {
        if row[i].magnitude > threshold {
          row[i] = 0
        } else if left > 0 {
          row[i] = 0
          left -= 1
        }
      }
    }
  }
}

/// How many elements of exactly the threshold's magnitude each tile has.
///
/// The kept ones are those of lowest index, whatever order the tiles were counted in.
public struct TieCounts: Sendable, Hashable {
  private var counts: [Int]

  /// Starts with a count of zero for every tile.
  ///
  /// - Parameter tiles: the number of tiles, numbered in the order of their elements.
  public init(tiles: Int) {
    counts = [Int](repeating: 0, count: tiles)
  }

  /// Adds elements to the count of a tile.
  ///
  /// - Parameters:
  ///   - count: what ``MagnitudeThreshold/tieCount(in:)`` gave for elements of the tile.
  ///   - tile: the number of the tile.
  public mutating func add(_ count: Int, tile: Int) {
    counts[tile] += count
  }

  /// Adds what another worker counted.
  ///
  /// - Parameter other: the counts of as many tiles.
  public mutating func add(_ other: TieCounts) {
    precondition(counts.count == other.counts.count, "counts of different tiles")
    for tile in counts.indices { counts[tile] += other.counts[tile] }
  }

  /// Each tile's part of what is kept.
  ///
  /// - Parameter ties: which of the equal elements of all tiles are kept.
  /// - Returns: for each tile which of its equal elements are kept; at most one tile has some.
  public func quotas(for ties: TieQuota) -> [TieQuota] {
    var left: Int
    switch ties {
    case .none: left = 0
    case .all: left = .max
    case .first(let count): left = count
    }
    return counts.map { count in
      let kept = min(count, left)
      left -= kept
      if kept == count { return .all }
      return kept == 0 ? .none : .first(kept)
    }
  }
}
