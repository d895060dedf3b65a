/// The elements of a vector in the order of their magnitudes, largest first.
///
/// Of equal magnitudes the one of lowest index comes first. The order is that of the bit patterns
/// without the sign, in which NaN lies above infinity. It is found by a radix sort in linear time;
/// one value serves any number of vectors and keeps its memory between them.
///
///     var ranking = MagnitudeRanking()
///     ranking.rank(row, from: 0, by: 1, count: row.count)
///     let largest = row[ranking[0]]
///
/// - Complexity: of a ranking, O(count) time; 24 bytes for each element of the longest vector.
public struct MagnitudeRanking: Sendable {
  private var keys: [UInt64] = []
  private var order: [UInt32] = []
  private var otherKeys: [UInt64] = []
  private var otherOrder: [UInt32] = []
  /// For each of the eight bytes of a key, how many keys have each value there.
  private var counts = [UInt32](repeating: 0, count: 8 * 256)

  /// The number of elements of the vector that was ranked last.
  public private(set) var count = 0

  /// Makes a ranking of nothing.
  public init() {}

  /// Ranks a vector.
  ///
  /// - Parameters:
  ///   - values: the numbers that the vector is taken from.
  ///   - start: the place of its first element.
  ///   - stride: the distance of its elements, at least 1.
  ///   - count: the number of its elements, fewer than 2^32.
  public mutating func rank(
    _ values: Span<Double>, from start: Int, by stride: Int, count: Int
  ) {
    precondition(stride > 0 && count >= 0 && count <= Int(UInt32.max), "not a vector")
    self.count = count
    if keys.count < count {
      keys = [UInt64](repeating: 0, count: count)
      order = [UInt32](repeating: 0, count: count)
      otherKeys = keys
      otherOrder = order
    }
    // Keys rise as magnitudes fall, so that a stable sort leaves the lowest index first.
    for i in 0..<count {
      keys[i] = ~(values[start + i * stride].bitPattern | 1 << 63)
      order[i] = UInt32(truncatingIfNeeded: i)
    }
    if count < Self.shortest {
      Self.sort(&keys, &order, count: count)
    } else {
      sortByBytes()
    }
  }

  /// The index of an element in the vector.
  ///
  /// - Parameter place: its place in the order, 0 for the largest magnitude, `0..<count`.
  public subscript(place: Int) -> Int {
    precondition(place >= 0 && place < count, "place out of range")
    return Int(order[place])
  }

  /// The length below which counting bytes costs more than it saves.
  private static let shortest = 48

  /// Sorts by insertion.
  private static func sort(_ keys: inout [UInt64], _ order: inout [UInt32], count: Int) {
    var keys = keys.mutableSpan
    var order = order.mutableSpan
    for i in 0..<count {
      let (key, index) = (keys[i], order[i])
      var place = i
      while place > 0, keys[place - 1] > key {
        keys[place] = keys[place - 1]
        order[place] = order[place - 1]
        place -= 1
      }
      keys[place] = key
      order[place] = index
    }
  }

  private mutating func sortByBytes() {
    Self.countBytes(of: keys, count: count, into: &counts)
    for byte in 0..<8 {
      // Where all keys have the same byte there is nothing to move: the low bytes of differences
      // of short floating-point types are zero, and the high ones vary little.
      let first = Int(truncatingIfNeeded: keys[0] >> UInt64(8 * byte) & 0xff)
      if Int(counts[256 * byte + first]) == count { continue }
      Self.move(
        keys, order, count: count, byte, &counts, to: &otherKeys, &otherOrder)
      swap(&keys, &otherKeys)
      swap(&order, &otherOrder)
    }
  }

  private static func countBytes(
    of keys: [UInt64], count: Int, into counts: inout [UInt32]
  ) {
    let keys = keys.span
    var counts = counts.mutableSpan
    for i in 0..<counts.count { counts[i] = 0 }
    for i in 0..<count {
      var rest = keys[i]
      var table = 0
      while table < 8 * 256 {
        counts[table &+ Int(truncatingIfNeeded: rest & 0xff)] &+= 1
        rest >>= 8
        table &+= 256
      }
    }
  }

  /// Moves elements to the places that one byte of their keys gives them.
  private static func move(
    _ keys: [UInt64], _ order: [UInt32], count: Int, _ byte: Int,
    _ counts: inout [UInt32], to movedKeys: inout [UInt64], _ movedOrder: inout [UInt32]
  ) {
    let keys = keys.span
    let order = order.span
    let (table, shift) = (256 * byte, UInt64(8 * byte))
    var places = counts.mutableSpan
    var next: UInt32 = 0
    for value in table..<table + 256 {
      let number = places[value]
      places[value] = next
      next &+= number
    }
    var movedKeys = movedKeys.mutableSpan
    var movedOrder = movedOrder.mutableSpan
    for i in 0..<count {
      let value = table &+ Int(truncatingIfNeeded: keys[i] >> shift & 0xff)
      let place = Int(places[value])
      places[value] &+= 1
      movedKeys[place] = keys[i]
      movedOrder[place] = order[i]
    }
  }
}
