import CSinterKernels

/// The loops over rows that are written in C, with spans in place of pointers.
///
/// This is the only file that calls C. What is written is borrowed exclusively, so it overlaps
/// nothing that is read; every function checks the counts that it gives to C.
enum Kernels {
  /// The number of the highest level that the machine has.
  static let bestLevel = sinter_best_level()

  private static var level: Int32 { KernelLevel.current }
}

// MARK: - Conversion

extension Kernels {
  /// Widens elements; `bytes` holds `count` of them, aligned to their size.
  static func widen(
    _ bytes: Span<UInt8>, from dtype: DType, count: Int, into row: inout MutableSpan<Double>
  ) -> Int {
    let kernel: @convention(c) (Int32, UnsafeRawPointer?, UnsafeMutablePointer<Double>?, Int) -> Int
    switch dtype {
    case .float64: unsafe kernel = sinter_widen_f64
    case .float32: unsafe kernel = sinter_widen_f32
    case .bfloat16: unsafe kernel = sinter_widen_bf16
    case .float16: unsafe kernel = sinter_widen_f16
    case .float8E4M3: unsafe kernel = sinter_widen_e4m3
    case .float8E5M2: unsafe kernel = sinter_widen_e5m2
    default: preconditionFailure("\(dtype.rawValue) is not a type of real numbers")
    }
    precondition(count >= 0 && count <= row.count, "the row is too short")
    precondition(bytes.count == count * dtype.bitWidth / 8, "the bytes are not those elements")
    // SAFETY: both counts were checked.
    return unsafe bytes.withUnsafeBufferPointer { source in
      unsafe row.withUnsafeMutableBufferPointer { target in
        unsafe kernel(level, source.baseAddress, target.baseAddress, count)
      }
    }
  }

  /// Narrows a row to the bytes from a place on, aligned to the size of the elements.
  static func narrow(
    _ row: Span<Double>, to dtype: DType, into bytes: inout MutableSpan<UInt8>, at offset: Int
  ) -> Int {
    let kernel: @convention(c) (Int32, UnsafePointer<Double>?, UnsafeMutableRawPointer?, Int) -> Int
    switch dtype {
    case .float64: unsafe kernel = sinter_narrow_f64
    case .float32: unsafe kernel = sinter_narrow_f32
    case .bfloat16: unsafe kernel = sinter_narrow_bf16
    case .float16: unsafe kernel = sinter_narrow_f16
    case .float8E4M3: unsafe kernel = sinter_narrow_e4m3
    case .float8E5M2: unsafe kernel = sinter_narrow_e5m2
    default: preconditionFailure("\(dtype.rawValue) is not a type of real numbers")
    }
    precondition(
      offset >= 0 && row.count * dtype.bitWidth / 8 <= bytes.count - offset,
      "the buffer is too small")
    // SAFETY: both counts were checked.
    return unsafe row.withUnsafeBufferPointer { source in
      unsafe bytes.withUnsafeMutableBufferPointer { target in
        let start = unsafe target.baseAddress.map { unsafe UnsafeMutableRawPointer($0) + offset }
        return unsafe kernel(level, source.baseAddress, start, source.count)
      }
    }
  }
}

// MARK: - Reduction

extension Kernels {
  static func sum(_ row: Span<Double>) -> Double {
    // SAFETY: the count is the span's.
    unsafe row.withUnsafeBufferPointer { unsafe sinter_sum(level, $0.baseAddress, $0.count) }
  }

  static func sumOfAbsolutes(_ row: Span<Double>) -> Double {
    // SAFETY: the count is the span's.
    unsafe row.withUnsafeBufferPointer {
      unsafe sinter_sum_of_absolutes(level, $0.baseAddress, $0.count)
    }
  }

  static func dot(_ first: Span<Double>, _ second: Span<Double>) -> Double {
    precondition(first.count == second.count, "the rows differ in length")
    // SAFETY: the counts are equal.
    return unsafe first.withUnsafeBufferPointer { first in
      unsafe second.withUnsafeBufferPointer { second in
        unsafe sinter_dot(level, first.baseAddress, second.baseAddress, first.count)
      }
    }
  }

  static func addProducts(of rows: TileRows, to sums: inout MutableSpan<Double>) {
    precondition(sums.count == rows.count * (rows.count + 1) / 2, "one sum for each pair")
    // SAFETY: the counts are right, and a TileRows holds the elements of its rows.
    unsafe rows.elements.withUnsafeBufferPointer { elements in
      unsafe sums.withUnsafeMutableBufferPointer { sums in
        unsafe sinter_add_products(
          level, elements.baseAddress, rows.stride, rows.count, nil, rows.length,
          sums.baseAddress)
      }
    }
  }

  static func addProducts(
    of rows: TileRows, minus base: Span<Double>, to sums: inout MutableSpan<Double>
  ) {
    precondition(sums.count == rows.count * (rows.count + 1) / 2, "one sum for each pair")
    precondition(base.count == rows.length, "the rows differ in length")
    // SAFETY: the counts are right, and a TileRows holds the elements of its rows.
    unsafe rows.elements.withUnsafeBufferPointer { elements in
      unsafe base.withUnsafeBufferPointer { base in
        unsafe sums.withUnsafeMutableBufferPointer { sums in
          unsafe sinter_add_products(
            level, elements.baseAddress, rows.stride, rows.count, base.baseAddress, rows.length,
            sums.baseAddress)
        }
      }
    }
  }

  static func squaresOfChanges(_ row: Span<Double>, from base: Span<Double>) -> Double {
    precondition(row.count == base.count, "the rows differ in length")
    // SAFETY: the counts are equal.
    return unsafe row.withUnsafeBufferPointer { row in
      unsafe base.withUnsafeBufferPointer { base in
        unsafe sinter_squares_of_changes(
          level, row.baseAddress, base.baseAddress, nil, row.count)
      }
    }
  }

  static func squaresOfChanges(
    _ row: Span<Double>, from base: Span<Double>, selecting selectors: Span<Double>
  ) -> Double {
    precondition(
      row.count == base.count && row.count == selectors.count, "the rows differ in length")
    // SAFETY: the counts are equal.
    return unsafe row.withUnsafeBufferPointer { row in
      unsafe base.withUnsafeBufferPointer { base in
        unsafe selectors.withUnsafeBufferPointer { selectors in
          unsafe sinter_squares_of_changes(
            level, row.baseAddress, base.baseAddress, selectors.baseAddress, row.count)
        }
      }
    }
  }

  static func largestMagnitude(_ row: Span<Double>) -> Double {
    // SAFETY: the count is the span's.
    unsafe row.withUnsafeBufferPointer {
      unsafe sinter_largest_magnitude(level, $0.baseAddress, $0.count)
    }
  }

  static func countNonFinite(_ row: Span<Double>) -> Int {
    // SAFETY: the count is the span's.
    unsafe row.withUnsafeBufferPointer {
      unsafe sinter_count_nonfinite(level, $0.baseAddress, $0.count)
    }
  }

  static func countPositive(_ row: Span<Double>) -> Int {
    // SAFETY: the count is the span's.
    unsafe row.withUnsafeBufferPointer {
      unsafe sinter_count_positive(level, $0.baseAddress, $0.count)
    }
  }

  static func isEqual(_ first: Span<Double>, _ second: Span<Double>) -> Bool {
    precondition(first.count == second.count, "the rows differ in length")
    // SAFETY: the counts are equal.
    return unsafe first.withUnsafeBufferPointer { first in
      unsafe second.withUnsafeBufferPointer { second in
        unsafe sinter_is_equal(level, first.baseAddress, second.baseAddress, first.count) != 0
      }
    }
  }
}

// MARK: - Random bits

extension Kernels {
  static func fill(_ words: inout MutableSpan<UInt32>, _ random: CounterRandom, from index: Int) {
    // SAFETY: the count is the span's.
    unsafe words.withUnsafeMutableBufferPointer {
      unsafe sinter_random_words(
        level, random.seed, random.stream, UInt64(index), $0.baseAddress, $0.count)
    }
  }

  static func drop(
    _ row: inout MutableSpan<Double>, _ random: CounterRandom, from index: Int, below limit: UInt32
  ) {
    // SAFETY: the count is the span's.
    unsafe row.withUnsafeMutableBufferPointer {
      unsafe sinter_drop(
        level, random.seed, random.stream, UInt64(index), limit, $0.baseAddress, nil, $0.count)
    }
  }

  static func drop(
    _ row: inout MutableSpan<Double>, minus base: Span<Double>, _ random: CounterRandom,
    from index: Int, below limit: UInt32
  ) {
    precondition(base.count == row.count, "the rows differ in length")
    // SAFETY: the counts are equal.
    unsafe row.withUnsafeMutableBufferPointer { row in
      unsafe base.withUnsafeBufferPointer { base in
        unsafe sinter_drop(
          level, random.seed, random.stream, UInt64(index), limit, row.baseAddress,
          base.baseAddress, row.count)
      }
    }
  }

  static func sumsOfKept(
    _ row: Span<Double>, minus base: Span<Double>, _ random: CounterRandom, from index: Int,
    below limit: UInt32
  ) -> (all: Double, kept: Double) {
    precondition(base.count == row.count, "the rows differ in length")
    var (all, kept) = (0.0, 0.0)
    // SAFETY: the counts are equal.
    unsafe row.withUnsafeBufferPointer { row in
      unsafe base.withUnsafeBufferPointer { base in
        unsafe sinter_sums_of_kept(
          level, random.seed, random.stream, UInt64(index), limit, row.baseAddress,
          base.baseAddress, row.count, &all, &kept)
      }
    }
    return (all, kept)
  }

  static func dropRanked(
    _ row: inout MutableSpan<Double>, length: Int, low: Double, width: Double,
    _ random: CounterRandom, from index: Int
  ) -> Bool {
    precondition(length > 1 && length <= Int(UInt16.max), "not such a vector")
    precondition(row.count % length == 0, "vectors are whole")
    let byteCount = length * 30
    // SAFETY: the row holds that many vectors, and the scratch as many bytes as one takes.
    return unsafe withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 64) { scratch in
      unsafe row.withUnsafeMutableBufferPointer { row in
        unsafe sinter_drop_ranked(
          level, random.seed, random.stream, UInt64(index), low, width, row.baseAddress, length,
          row.count / length, scratch.baseAddress) != 0
      }
    }
  }
}

// MARK: - Arithmetic of rows

extension Kernels {
  static func subtract(_ other: Span<Double>, from row: inout MutableSpan<Double>) {
    precondition(other.count == row.count, "the rows differ in length")
    // SAFETY: the counts are equal.
    unsafe row.withUnsafeMutableBufferPointer { row in
      unsafe other.withUnsafeBufferPointer { other in
        unsafe sinter_subtract(level, row.baseAddress, other.baseAddress, row.count)
      }
    }
  }

  static func multiply(_ row: inout MutableSpan<Double>, by factor: Double) {
    // SAFETY: the count is the span's.
    unsafe row.withUnsafeMutableBufferPointer {
      unsafe sinter_multiply(level, $0.baseAddress, factor, $0.count)
    }
  }

  static func add(
    _ other: Span<Double>, times factor: Double, to row: inout MutableSpan<Double>
  ) {
    precondition(other.count == row.count, "the rows differ in length")
    // SAFETY: the counts are equal.
    unsafe row.withUnsafeMutableBufferPointer { row in
      unsafe other.withUnsafeBufferPointer { other in
        unsafe sinter_add_product(level, row.baseAddress, factor, other.baseAddress, row.count)
      }
    }
  }

  static func addBase(_ base: Span<Double>, to row: inout MutableSpan<Double>) {
    precondition(base.count == row.count, "the rows differ in length")
    // SAFETY: the counts are equal.
    unsafe row.withUnsafeMutableBufferPointer { row in
      unsafe base.withUnsafeBufferPointer { base in
        unsafe sinter_add_base(level, row.baseAddress, base.baseAddress, row.count)
      }
    }
  }

  static func combine(
    _ x: Span<Double>, times a: Double, _ y: Span<Double>, times b: Double, keepingEqual: Bool,
    into out: inout MutableSpan<Double>, from start: Int
  ) {
    let kernel = unsafe keepingEqual ? sinter_combine_unless_equal : sinter_combine
    precondition(x.count == y.count, "the rows differ in length")
    precondition(start >= 0 && x.count <= out.count - start, "the result is too short")
    // SAFETY: the counts are equal, and as many elements follow in the result.
    unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe x.withUnsafeBufferPointer { x in
        unsafe y.withUnsafeBufferPointer { y in
          let target = unsafe out.baseAddress.map { unsafe $0 + start }
          unsafe kernel(level, a, x.baseAddress, b, y.baseAddress, target, x.count)
        }
      }
    }
  }

  static func combineChanges(
    _ x: Span<Double>, times a: Double, _ y: Span<Double>, times b: Double,
    on base: Span<Double>, keepingEqual: Bool, into out: inout MutableSpan<Double>,
    from start: Int
  ) {
    let kernel = unsafe keepingEqual ? sinter_combine_changes_unless_equal : sinter_combine_changes
    precondition(x.count == y.count && x.count == base.count, "the rows differ in length")
    precondition(start >= 0 && x.count <= out.count - start, "the result is too short")
    // SAFETY: the counts are equal, and as many elements follow in the result.
    unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe x.withUnsafeBufferPointer { x in
        unsafe y.withUnsafeBufferPointer { y in
          unsafe base.withUnsafeBufferPointer { base in
            let target = unsafe out.baseAddress.map { unsafe $0 + start }
            unsafe kernel(
              level, a, x.baseAddress, b, y.baseAddress, base.baseAddress, target, x.count)
          }
        }
      }
    }
  }

  static func approach(
    _ x: Span<Double>, from base: Span<Double>, by t: Double, into out: inout MutableSpan<Double>
  ) {
    precondition(x.count == out.count && base.count == out.count, "the rows differ in length")
    // SAFETY: the counts are equal.
    unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe x.withUnsafeBufferPointer { x in
        unsafe base.withUnsafeBufferPointer { base in
          unsafe sinter_approach(
            level, base.baseAddress, x.baseAddress, t, out.baseAddress, out.count)
        }
      }
    }
  }
}

// MARK: - Sums over the rows of a tile

extension Kernels {
  static func weightedSum(
    of rows: TileRows, _ coefficients: Span<Double>, keepingEqual: Bool,
    into out: inout MutableSpan<Double>
  ) {
    let kernel = unsafe keepingEqual ? sinter_weighted_mean : sinter_weighted_sum
    check(rows, coefficients, out.count)
    // SAFETY: the counts were checked, and a TileRows holds the elements of its rows.
    unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe rows.elements.withUnsafeBufferPointer { elements in
        unsafe coefficients.withUnsafeBufferPointer { coefficients in
          unsafe kernel(
            level, elements.baseAddress, rows.stride, coefficients.baseAddress, rows.count,
            out.baseAddress, out.count)
        }
      }
    }
  }

  static func weightedSum(
    of rows: TileRows, _ coefficients: Span<Double>, on base: Span<Double>,
    subtractingBase: Bool, into out: inout MutableSpan<Double>, from start: Int
  ) {
    let kernel = unsafe subtractingBase ? sinter_add_weighted_changes : sinter_add_weighted
    check(rows, coefficients, base.count)
    precondition(start >= 0 && base.count <= out.count - start, "the result is too short")
    // SAFETY: the counts were checked, and a TileRows holds the elements of its rows.
    unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe base.withUnsafeBufferPointer { base in
        unsafe rows.elements.withUnsafeBufferPointer { elements in
          unsafe coefficients.withUnsafeBufferPointer { coefficients in
            let target = unsafe out.baseAddress.map { unsafe $0 + start }
            unsafe kernel(
              level, base.baseAddress, elements.baseAddress, rows.stride,
              coefficients.baseAddress, rows.count, target, base.count)
          }
        }
      }
    }
  }

  static func sumSquaredDifferences(of rows: TileRows, into out: inout MutableSpan<Double>) {
    precondition(rows.count > 0 && rows.length == out.count, "the rows differ in length")
    // SAFETY: the counts were checked, and a TileRows holds the elements of its rows.
    unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe rows.elements.withUnsafeBufferPointer { elements in
        unsafe sinter_sum_of_squared_differences(
          level, elements.baseAddress, rows.stride, rows.count, out.baseAddress, out.count)
      }
    }
  }

  static func addMajority(
    of rows: TileRows, _ coefficients: Span<Double>, on base: Span<Double>,
    into out: inout MutableSpan<Double>
  ) {
    check(rows, coefficients, out.count)
    precondition(base.count == out.count, "the rows differ in length")
    // SAFETY: the counts were checked, and a TileRows holds the elements of its rows.
    unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe base.withUnsafeBufferPointer { base in
        unsafe rows.elements.withUnsafeBufferPointer { elements in
          unsafe coefficients.withUnsafeBufferPointer { coefficients in
            unsafe sinter_add_majority(
              level, base.baseAddress, elements.baseAddress, rows.stride,
              coefficients.baseAddress, rows.count, nil, out.baseAddress, out.count)
          }
        }
      }
    }
  }

  static func addMajority(
    of rows: TileRows, _ coefficients: Span<Double>, on base: Span<Double>,
    selecting selectors: Span<Double>, into out: inout MutableSpan<Double>
  ) {
    check(rows, coefficients, out.count)
    precondition(
      base.count == out.count && selectors.count == out.count, "the rows differ in length")
    // SAFETY: the counts were checked, and a TileRows holds the elements of its rows.
    unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe base.withUnsafeBufferPointer { base in
        unsafe rows.elements.withUnsafeBufferPointer { elements in
          unsafe coefficients.withUnsafeBufferPointer { coefficients in
            unsafe selectors.withUnsafeBufferPointer { selectors in
              unsafe sinter_add_majority(
                level, base.baseAddress, elements.baseAddress, rows.stride,
                coefficients.baseAddress, rows.count, selectors.baseAddress, out.baseAddress,
                out.count)
            }
          }
        }
      }
    }
  }

  static func addActive(
    of rows: TileRows, _ coefficients: Span<Double>, on base: Span<Double>,
    above epsilon: Double, into out: inout MutableSpan<Double>
  ) {
    check(rows, coefficients, out.count)
    precondition(base.count == out.count, "the rows differ in length")
    // SAFETY: the counts were checked, and a TileRows holds the elements of its rows.
    unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe base.withUnsafeBufferPointer { base in
        unsafe rows.elements.withUnsafeBufferPointer { elements in
          unsafe coefficients.withUnsafeBufferPointer { coefficients in
            unsafe sinter_add_active(
              level, base.baseAddress, elements.baseAddress, rows.stride,
              coefficients.baseAddress, rows.count, epsilon, out.baseAddress, out.count)
          }
        }
      }
    }
  }

  private static func check(_ rows: TileRows, _ coefficients: Span<Double>, _ count: Int) {
    precondition(rows.count > 0, "a sum of no rows")
    precondition(coefficients.count == rows.count, "one coefficient for each row")
    precondition(rows.length == count, "the rows differ in length")
  }
}

// MARK: - Selection

extension Kernels {
  /// How many keys lie above a bracket, are zero, equal each of its atoms, and were put out.
  struct SelectedKeys {
    var above = 0
    var zeros = 0
    var atoms = SIMD4<Int>()
    var inside = 0
  }

  /// Puts out the keys that lie within a bracket and are not its atoms, and counts the others.
  static func selectKeys(
    _ row: Span<Double>, mask: UInt64, _ bracket: KeyBracket, into inside: inout MutableSpan<UInt64>
  ) -> SelectedKeys {
    precondition(inside.count >= row.count, "there is no room for all keys")
    let atoms = [bracket.atoms.x, bracket.atoms.y, bracket.atoms.z, bracket.atoms.w]
    var totals = [UInt64](repeating: 0, count: 2 + atoms.count)
    // SAFETY: the counts were checked; no more keys are put out than the row has, there are four
    // atoms, and the totals are two more.
    let found = unsafe row.withUnsafeBufferPointer { row in
      unsafe inside.withUnsafeMutableBufferPointer { inside in
        unsafe atoms.withUnsafeBufferPointer { atoms in
          unsafe totals.withUnsafeMutableBufferPointer { totals in
            unsafe sinter_select_keys(
              level, row.baseAddress, row.count, mask, bracket.low, bracket.high,
              atoms.baseAddress, inside.baseAddress, totals.baseAddress)
          }
        }
      }
    }
    return SelectedKeys(
      above: Int(totals[0]), zeros: Int(totals[1]),
      atoms: SIMD4(Int(totals[2]), Int(totals[3]), Int(totals[4]), Int(totals[5])), inside: found)
  }

  /// Counts keys in bins of three numbers: their count, and the least and the greatest of them.
  static func countBins(
    _ keys: Span<UInt64>, from low: UInt64, shift: Int, into bins: inout MutableSpan<UInt64>
  ) {
    // SAFETY: the counts are the spans'; the C code leaves out keys that are beyond the bins.
    unsafe keys.withUnsafeBufferPointer { keys in
      unsafe bins.withUnsafeMutableBufferPointer { bins in
        unsafe sinter_count_bins(
          level, keys.baseAddress, keys.count, low, Int32(shift), bins.baseAddress,
          bins.count / 3)
      }
    }
  }

  /// Sets the elements to zero whose magnitude is below a threshold, or equal to it.
  static func keep(_ row: inout MutableSpan<Double>, above threshold: Double, orEqual: Bool) {
    // SAFETY: the count is the span's.
    unsafe row.withUnsafeMutableBufferPointer {
      unsafe sinter_keep_from(level, $0.baseAddress, $0.count, threshold, orEqual ? 1 : 0)
    }
  }

  /// Sets the elements to zero whose magnitude is above a threshold, or equal to it.
  static func drop(_ row: inout MutableSpan<Double>, above threshold: Double, orEqual: Bool) {
    // SAFETY: the count is the span's.
    unsafe row.withUnsafeMutableBufferPointer {
      unsafe sinter_drop_from(level, $0.baseAddress, $0.count, threshold, orEqual ? 1 : 0)
    }
  }
}

// MARK: - Votes

extension Kernels {
  static func mergeByVote(
    _ rows: TileRows, _ votes: Span<SignVote.Voter>, _ vote: SignVote, on base: Span<Double>,
    into out: inout MutableSpan<Double>
  ) {
    precondition(votes.count == rows.count, "as many voters as rows")
    precondition(rows.length == out.count && base.count == out.count, "the rows differ in length")
    let election = sinter_election(
      zero_sign: vote.zeroIsPositive ? 1 : 0, lambda: vote.lambda,
      least_divisor: vote.leastDivisor, divides: vote.divides ? 1 : 0)
    // SAFETY: the counts were checked, a TileRows holds the elements of its rows, and a voter is
    // four Doubles in the order of the C structure.
    unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe base.withUnsafeBufferPointer { base in
        unsafe rows.elements.withUnsafeBufferPointer { elements in
          unsafe votes.withUnsafeBufferPointer { votes in
            unsafe votes.withMemoryRebound(to: sinter_vote.self) { votes in
              unsafe sinter_merge_by_vote(
                level, base.baseAddress, elements.baseAddress, rows.stride, votes.baseAddress,
                rows.count, election, out.baseAddress, out.count)
            }
          }
        }
      }
    }
  }
}
