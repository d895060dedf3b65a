import CSinterKernels

/// The loops over rows that are written in C, with spans in place of pointers.
///
/// The files named after it are the only ones that call C. What is written is borrowed exclusively, so
/// it overlaps nothing that is read; every function checks the counts that it gives to C.
enum Kernels {
  /// The number of the highest level that the machine has.
  static let bestLevel = sinter_best_level()

  /// The number of the level in use.
  static var level: Int32 { KernelLevel.current }
}

// MARK: - Conversion

extension Kernels {
  /// Widens elements to the row from a place on; `bytes` holds `count` of them, aligned to their
  /// size.
  static func widen(
    _ bytes: Span<UInt8>, from dtype: DType, count: Int, into row: inout MutableSpan<Double>,
    at start: Int
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
    precondition(start >= 0 && count >= 0 && count <= row.count - start, "the row is too short")
    precondition(bytes.count == count * dtype.bitWidth / 8, "the bytes are not those elements")
    // SAFETY: both counts were checked.
    return unsafe bytes.withUnsafeBufferPointer { source in
      unsafe row.withUnsafeMutableBufferPointer { target in
        let place = unsafe target.baseAddress.map { unsafe $0 + start }
        return unsafe kernel(level, source.baseAddress, place, count)
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

  static func sumOfAbsolutes(_ row: Span<Double>, minus base: Span<Double>) -> Double {
    precondition(row.count == base.count, "the rows differ in length")
    // SAFETY: the counts are equal.
    return unsafe row.withUnsafeBufferPointer { row in
      unsafe base.withUnsafeBufferPointer { base in
        unsafe sinter_sum_of_absolute_differences(
          level, row.baseAddress, base.baseAddress, row.count)
      }
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

  static func sumOfSquares(_ row: Span<Float>) -> Double {
    // SAFETY: the count is the span's.
    unsafe row.withUnsafeBufferPointer {
      unsafe sinter_squares_f32(level, $0.baseAddress, $0.count)
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

  static func squaresAndChanges(
    _ row: Span<Double>, to other: Span<Double>
  ) -> (squares: Double, changes: Double) {
    precondition(row.count == other.count, "the rows differ in length")
    var sums = SIMD2<Double>()
    // SAFETY: the counts are equal, and there is room for two sums.
    unsafe row.withUnsafeBufferPointer { row in
      unsafe other.withUnsafeBufferPointer { other in
        unsafe withUnsafeMutableBytes(of: &sums) { sums in
          unsafe sinter_squares_and_changes(
            level, row.baseAddress, other.baseAddress, row.count,
            sums.bindMemory(to: Double.self).baseAddress)
        }
      }
    }
    return (sums.x, sums.y)
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
          base.baseAddress, nil, row.count, &all, &kept)
      }
    }
    return (all, kept)
  }

  static func sumsOfKept(
    _ row: Span<Double>, minus base: Span<Double>, _ random: CounterRandom, from index: Int,
    below limit: UInt32, marking marks: inout MutableSpan<UInt16>, from start: Int
  ) -> (all: Double, kept: Double) {
    precondition(base.count == row.count, "the rows differ in length")
    precondition(
      start >= 0 && RowArithmetic.markCount(row.count) <= marks.count - start, "too few marks")
    var (all, kept) = (0.0, 0.0)
    // SAFETY: the counts are equal, and there is a mark for each 16 elements.
    unsafe row.withUnsafeBufferPointer { row in
      unsafe base.withUnsafeBufferPointer { base in
        unsafe marks.withUnsafeMutableBufferPointer { marks in
          let target = unsafe marks.baseAddress.map { unsafe $0 + start }
          unsafe sinter_sums_of_kept(
            level, random.seed, random.stream, UInt64(index), limit, row.baseAddress,
            base.baseAddress, target, row.count, &all, &kept)
        }
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
    let byteCount = rankingByteCount(length)
    // SAFETY: the row holds that many vectors, and the scratch as many bytes as one takes.
    return unsafe withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 64) { scratch in
      unsafe row.withUnsafeMutableBufferPointer { row in
        unsafe sinter_drop_ranked(
          level, random.seed, random.stream, UInt64(index), low, width, row.baseAddress, length,
          row.count / length, scratch.baseAddress) != 0
      }
    }
  }
  static func sumsOfRanked(
    _ row: Span<Double>, minus base: Span<Double>, length: Int, low: Double, width: Double,
    _ random: CounterRandom, from index: Int, marking marks: inout MutableSpan<UInt16>,
    from start: Int
  ) -> (all: Double, kept: Double)? {
    precondition(length > 1 && length <= Int(UInt16.max) && length % 16 == 0, "not such a vector")
    precondition(row.count % length == 0, "vectors are whole")
    precondition(base.count == row.count, "the rows differ in length")
    precondition(
      start >= 0 && RowArithmetic.markCount(row.count) <= marks.count - start, "too few marks")
    let byteCount = rankingByteCount(length) + length * 8
    var (all, kept) = (0.0, 0.0)
    // SAFETY: both rows hold that many vectors, there is a mark for each 16 elements, and the scratch
    // has as many bytes as one vector takes.
    let isDone = unsafe withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 64) {
      scratch in
      unsafe row.withUnsafeBufferPointer { row in
        unsafe base.withUnsafeBufferPointer { base in
          unsafe marks.withUnsafeMutableBufferPointer { marks in
            let target = unsafe marks.baseAddress.map { unsafe $0 + start }
            return unsafe sinter_sums_of_ranked(
              level, random.seed, random.stream, UInt64(index), low, width, row.baseAddress,
              base.baseAddress, target, length, row.count / length, scratch.baseAddress, &all,
              &kept)
          }
        }
      }
    }
    return isDone != 0 ? (all, kept) : nil
  }

  /// The bytes of scratch in which a vector is ranked.
  private static func rankingByteCount(_ length: Int) -> Int { length * 30 + 2_304 }
}
