/// Sums over a row in `Double`, in one order on every machine.
///
/// Sixteen lanes add up the elements, lane `j` those whose index leaves the remainder `j`, from the
/// lowest index to the highest. Then lane `j` takes in lane `j + 8`, then `j + 4`, `j + 2` and
/// `j + 1`. The order depends on nothing but the number of elements: not on the width of vectors,
/// not on threads. Sums of several rows are to be added in the order of the rows.
///
/// The elements are widened before anything is done with them, so that the squares and products of
/// `Float` are exact. NaN and infinity go through sums as IEEE 754 has it.
public enum Reduction {
  /// Adds up the elements.
  ///
  /// - Parameter row: any numbers.
  /// - Returns: the sum; 0 for no elements.
  @specialized(where T == Float)
  @specialized(where T == Double)
  public static func sum<T: WorkingFloat>(_ row: Span<T>) -> Double {
    var lanes = SIMD16<Double>()
    let whole = row.count & ~15
    for i in stride(from: 0, to: whole, by: 16) { lanes += group(row, at: i) }
    for i in whole..<row.count { lanes[i - whole] += Double(row[i]) }
    return total(lanes)
  }

  /// Adds up the magnitudes of the elements.
  ///
  /// - Parameter row: any numbers.
  /// - Returns: the L1 norm; 0 for no elements.
  @specialized(where T == Float)
  @specialized(where T == Double)
  public static func sumOfAbsolutes<T: WorkingFloat>(_ row: Span<T>) -> Double {
    var lanes = SIMD16<Double>()
    let whole = row.count & ~15
    for i in stride(from: 0, to: whole, by: 16) {
      let values = group(row, at: i)
      lanes += values.replacing(with: -values, where: values .< 0)
    }
    for i in whole..<row.count { lanes[i - whole] += Double(row[i]).magnitude }
    return total(lanes)
  }

  /// Adds up the squares of the elements.
  ///
  /// - Parameter row: any numbers.
  /// - Returns: the L2 norm squared; 0 for no elements.
  @specialized(where T == Float)
  @specialized(where T == Double)
  public static func sumOfSquares<T: WorkingFloat>(_ row: Span<T>) -> Double {
    dot(row, row)
  }

  /// Adds up the products of the elements of two rows.
  ///
  /// - Parameters:
  ///   - first: any numbers.
  ///   - second: as many.
  /// - Returns: the dot product; 0 for no elements.
  @specialized(where T == Float)
  @specialized(where T == Double)
  public static func dot<T: WorkingFloat>(_ first: Span<T>, _ second: Span<T>) -> Double {
    precondition(first.count == second.count, "the rows differ in length")
    var lanes = SIMD16<Double>()
    let whole = first.count & ~15
    for i in stride(from: 0, to: whole, by: 16) {
      lanes += group(first, at: i) * group(second, at: i)
    }
    for i in whole..<first.count { lanes[i - whole] += Double(first[i]) * Double(second[i]) }
    return total(lanes)
  }

  /// Finds the largest magnitude.
  ///
  /// - Parameter row: any numbers.
  /// - Returns: the largest magnitude; 0 for no elements, NaN when any element is NaN.
  @specialized(where T == Float)
  @specialized(where T == Double)
  public static func largestMagnitude<T: WorkingFloat>(_ row: Span<T>) -> T {
    var lanes = SIMD16<Double>()
    var ordered = SIMDMask<SIMD16<Int64>>(repeating: true)
    let whole = row.count & ~15
    for i in stride(from: 0, to: whole, by: 16) {
      let values = group(row, at: i)
      let magnitudes = values.replacing(with: -values, where: values .< 0)
      lanes.replace(with: magnitudes, where: magnitudes .> lanes)
      ordered .&= values .== values
    }
    var largest = lanes.max()
    var isNaN = any(.!ordered)
    for i in whole..<row.count {
      largest = max(largest, Double(row[i]).magnitude)
      isNaN = isNaN || row[i].isNaN
    }
    return isNaN ? .nan : T(largest)
  }

  /// Sixteen elements from a place on, which the row must have.
  @inline(__always)
  private static func group<T: WorkingFloat>(_ row: Span<T>, at i: Int) -> SIMD16<Double> {
    SIMD16(
      lowHalf: SIMD8(lowHalf: quarter(row, at: i), highHalf: quarter(row, at: i + 4)),
      highHalf: SIMD8(lowHalf: quarter(row, at: i + 8), highHalf: quarter(row, at: i + 12)))
  }

  @inline(__always)
  private static func quarter<T: WorkingFloat>(_ row: Span<T>, at i: Int) -> SIMD4<Double> {
    SIMD4(Double(row[i]), Double(row[i + 1]), Double(row[i + 2]), Double(row[i + 3]))
  }

  /// The sum of the lanes, each half added to the other until one is left.
  @inline(__always)
  private static func total(_ lanes: SIMD16<Double>) -> Double {
    let eight = lanes.lowHalf + lanes.highHalf
    let four = eight.lowHalf + eight.highHalf
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
  }
}

extension Reduction {
  /// How many elements are NaN or infinite.
  ///
  /// - Parameter row: the elements, at most 2^32 - 1.
  /// - Returns: the count.
  @specialized(where T == Float)
  @specialized(where T == Double)
  public static func countNonFinite<T: WorkingFloat>(_ row: Span<T>) -> Int {
    precondition(row.count <= Int(UInt32.max), "the row is too long")
    var count: UInt32 = 0
    // With `for` a bounds check stays in this loop and keeps it from becoming vector code.
    var i = 0
    while i < row.count {
      count &+= row[i].magnitude < .infinity ? 0 : 1
      i &+= 1
    }
    return Int(count)
  }
}
