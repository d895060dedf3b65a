extension CounterRandom {
  /// Sets elements to zero at random, each with the same probability and independently.
  ///
  /// What happens to an element depends on the key and on its index alone, so a tensor may be cut
  /// into rows anywhere.
  ///
  /// - Parameters:
  ///   - row: the elements.
  ///   - index: the index of the first of them in their tensor.
  ///   - threshold: from ``threshold(for:)``, for the probability of being kept.
  public func drop(
    _ row: inout MutableSpan<Double>, from index: Int, keepingBelow threshold: UInt64
  ) {
    precondition(index >= 0 && index <= .max - row.count, "an element has no such index")
    guard threshold <= UInt64(UInt32.max) else { return }
    Kernels.drop(&row, self, from: index, below: UInt32(threshold))
  }

  /// Makes a row its differences from a base, and sets elements to zero at random.
  ///
  /// - Parameters:
  ///   - row: the elements, then their differences from the base or zero.
  ///   - base: as many elements.
  ///   - index: the index of the first of them in their tensor.
  ///   - threshold: from ``threshold(for:)``, for the probability of being kept.
  public func drop(
    _ row: inout MutableSpan<Double>, minus base: Span<Double>, from index: Int,
    keepingBelow threshold: UInt64
  ) {
    precondition(index >= 0 && index <= .max - row.count, "an element has no such index")
    guard threshold <= UInt64(UInt32.max) else {
      RowArithmetic.subtract(base, from: &row)
      return
    }
    Kernels.drop(&row, minus: base, self, from: index, below: UInt32(threshold))
  }

  /// Sums the magnitudes of the differences of a row from a base, and of those of them that
  /// ``drop(_:minus:from:keepingBelow:)`` keeps.
  ///
  /// - Parameters:
  ///   - row: the elements.
  ///   - base: as many elements.
  ///   - index: the index of the first of them in their tensor.
  ///   - threshold: from ``threshold(for:)``, for the probability of being kept.
  /// - Returns: what ``Reduction/sumOfAbsolutes(_:)`` gives for all differences, and for those that
  ///   are left.
  public func sumsOfAbsolutes(
    _ row: Span<Double>, minus base: Span<Double>, from index: Int, keepingBelow threshold: UInt64
  ) -> (all: Double, kept: Double) {
    precondition(index >= 0 && index <= .max - row.count, "an element has no such index")
    // Everything is kept: there is no such limit of 32 bits.
    guard threshold <= UInt64(UInt32.max) else {
      let sums = Kernels.sumsOfKept(row, minus: base, self, from: index, below: 0)
      return (sums.all, sums.all)
    }
    return Kernels.sumsOfKept(row, minus: base, self, from: index, below: UInt32(threshold))
  }

  /// Sums like ``sumsOfAbsolutes(_:minus:from:keepingBelow:)``, and marks what is kept.
  ///
  /// With the marks, ``RowArithmetic/subtract(_:from:marked:from:)`` does what
  /// ``drop(_:minus:from:keepingBelow:)`` does, and makes no random bits again.
  ///
  /// - Parameters:
  ///   - row: the elements.
  ///   - base: as many elements.
  ///   - index: the index of the first of them in their tensor.
  ///   - threshold: from ``threshold(for:)``, for the probability of being kept.
  ///   - marks: receives ``RowArithmetic/markCount(_:)`` marks; bits beyond the last element are zero.
  ///   - start: the place in `marks` of the first of them.
  /// - Returns: the sums.
  public func sumsOfAbsolutes(
    _ row: Span<Double>, minus base: Span<Double>, from index: Int, keepingBelow threshold: UInt64,
    marking marks: inout MutableSpan<UInt16>, from start: Int = 0
  ) -> (all: Double, kept: Double) {
    precondition(index >= 0 && index <= .max - row.count, "an element has no such index")
    guard threshold <= UInt64(UInt32.max) else {
      for first in stride(from: 0, to: row.count, by: 16) {
        marks[start + first / 16] = .max >> max(16 - (row.count - first), 0)
      }
      return sumsOfAbsolutes(row, minus: base, from: index, keepingBelow: threshold)
    }
    return Kernels.sumsOfKept(
      row, minus: base, self, from: index, below: UInt32(threshold), marking: &marks, from: start)
  }

  /// Sums and marks like ``sumsOfAbsolutes(_:minus:from:keepingBelow:marking:from:)``, of a row as it is
  /// stored.
  ///
  /// - Parameters:
  ///   - rows: the base, and rows of models.
  ///   - row: the number of the row, from 1.
  ///   - index: the index of the first element in its tensor.
  ///   - threshold: from ``threshold(for:)``, for the probability of being kept.
  ///   - marks: receives ``RowArithmetic/markCount(_:)`` marks; bits beyond the last element are zero.
  ///   - start: the place in `marks` of the first of them.
  /// - Returns: the sums; `nil` when a number is NaN or infinite, or this is not made for the index or
  ///   the threshold. Then the marks are undefined, and the rows are to be widened.
  public func sumsOfAbsolutes(
    _ rows: borrowing StoredRows, row: Int, from index: Int, keepingBelow threshold: UInt64,
    marking marks: inout MutableSpan<UInt16>, from start: Int = 0
  ) -> (all: Double, kept: Double)? {
    precondition(index >= 0 && index <= .max - rows.length, "an element has no such index")
    guard threshold <= UInt64(UInt32.max) else { return nil }
    return Kernels.sumsOfKept(
      rows, row: row, self, from: index, below: UInt32(threshold), marking: &marks, from: start)
  }

  /// Sets elements of vectors to zero at random, the larger ones of a vector less often.
  ///
  /// The probability of being kept rises in equal steps from `low` for the smallest magnitude of a
  /// vector to `low + width` for the largest. Of equal magnitudes the one of lowest index counts as
  /// the largest; the order is that of ``MagnitudeRanking``. A zero comes out without a sign.
  ///
  /// - Parameters:
  ///   - row: whole vectors, one after the other.
  ///   - length: the number of elements of each, at least 1.
  ///   - index: the index of the first of them in their tensor.
  ///   - low: the probability for the smallest magnitude, 0...1.
  ///   - width: by how much that for the largest is higher, at least 0; `low + width` at most 1.
  /// - Complexity: O(row.count); 30 bytes for each element of one vector, and 3 KiB.
  public func dropRanked(
    _ row: inout MutableSpan<Double>, ofVectors length: Int, from index: Int, low: Double,
    width: Double
  ) {
    precondition(index >= 0 && index <= .max - row.count, "an element has no such index")
    precondition(length > 0 && row.count % length == 0, "vectors are whole")
    // Counting in buckets does not pay for short vectors.
    if length >= 64, length <= Int(UInt16.max),
      Kernels.dropRanked(&row, length: length, low: low, width: width, self, from: index)
    {
      return
    }
    dropSorted(&row, ofVectors: length, from: index, low: low, width: width)
  }

  /// Sums the magnitudes of the differences of vectors from a base, and of those of them that
  /// ``dropRanked(_:ofVectors:from:low:width:)`` keeps, and marks the latter where they are not zero.
  ///
  /// With the marks, ``RowArithmetic/subtract(_:from:marked:from:)`` makes a row these differences,
  /// thinned out, and ranks nothing again.
  ///
  /// - Parameters:
  ///   - row: whole vectors, one after the other.
  ///   - base: as many elements.
  ///   - length: the number of elements of each vector, at least 1.
  ///   - index: the index of the first of them in their tensor.
  ///   - low: the probability for the smallest magnitude, 0...1.
  ///   - width: by how much that for the largest is higher, at least 0; `low + width` at most 1.
  ///   - marks: receives ``RowArithmetic/markCount(_:)`` marks; bits beyond the last element are zero.
  ///   - start: the place in `marks` of the first of them.
  /// - Returns: what ``Reduction/sumOfAbsolutes(_:)`` gives for all differences, and for those that
  ///   are left; `nil` for vectors or probabilities that this is not made for. Then the marks are
  ///   undefined, and the differences are to be thinned out first.
  public func sumsOfAbsolutes(
    _ row: Span<Double>, minus base: Span<Double>, ofVectors length: Int, from index: Int,
    low: Double, width: Double, marking marks: inout MutableSpan<UInt16>, from start: Int = 0
  ) -> (all: Double, kept: Double)? {
    precondition(index >= 0 && index <= .max - row.count, "an element has no such index")
    precondition(length > 0 && row.count % length == 0, "vectors are whole")
    guard length >= 64, length <= Int(UInt16.max), length % 16 == 0 else { return nil }
    return Kernels.sumsOfRanked(
      row, minus: base, length: length, low: low, width: width, self, from: index,
      marking: &marks, from: start)
  }

  /// Does the same by sorting.
  private func dropSorted(
    _ row: inout MutableSpan<Double>, ofVectors length: Int, from index: Int, low: Double,
    width: Double
  ) {
    let last = Double(max(length - 1, 1))
    let thresholds = (0..<length).map { place in
      CounterRandom.threshold(for: low + width * (Double(length - 1 - place) / last))
    }
    var bits = [UInt32](repeating: 0, count: length)
    var ranking = MagnitudeRanking()
    for start in stride(from: 0, to: row.count, by: length) {
      var span = bits.mutableSpan
      fill(&span, from: index + start)
      ranking.rank(row.span, from: start, by: 1, count: length)
      for place in 0..<length {
        let element = start + ranking[place]
        let isKept = UInt64(bits[ranking[place]]) < thresholds[place]
        // A zero comes out without a sign.
        row[element] = isKept && row[element] != 0 ? row[element] : 0
      }
    }
  }
}
