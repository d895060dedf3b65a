import CSinterKernels

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

  static func markNonzero(
    _ row: Span<Double>, into marks: inout MutableSpan<UInt16>, from start: Int
  ) {
    precondition(
      start >= 0 && RowArithmetic.markCount(row.count) <= marks.count - start, "too few marks")
    // SAFETY: there is a mark for each 16 elements, the last of them included.
    unsafe row.withUnsafeBufferPointer { row in
      unsafe marks.withUnsafeMutableBufferPointer { marks in
        let target = unsafe marks.baseAddress.map { unsafe $0 + start }
        unsafe sinter_mark_nonzero(level, row.baseAddress, target, row.count)
      }
    }
  }

  static func subtract(
    _ other: Span<Double>, from row: inout MutableSpan<Double>, marked marks: Span<UInt16>,
    from start: Int
  ) {
    precondition(other.count == row.count, "the rows differ in length")
    precondition(
      start >= 0 && RowArithmetic.markCount(row.count) <= marks.count - start, "too few marks")
    // SAFETY: the counts are equal, and there is a mark for each 16 elements.
    unsafe row.withUnsafeMutableBufferPointer { row in
      unsafe other.withUnsafeBufferPointer { other in
        unsafe marks.withUnsafeBufferPointer { marks in
          let source = unsafe marks.baseAddress.map { unsafe $0 + start }
          unsafe sinter_subtract_marked(
            level, row.baseAddress, other.baseAddress, source, row.count)
        }
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
    into out: inout MutableSpan<Double>, from start: Int
  ) {
    let kernel = unsafe keepingEqual ? sinter_weighted_mean : sinter_weighted_sum
    check(rows, coefficients, rows.length)
    precondition(start >= 0 && rows.length <= out.count - start, "the result is too short")
    // SAFETY: the counts were checked, and a TileRows holds the elements of its rows.
    unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe rows.elements.withUnsafeBufferPointer { elements in
        unsafe coefficients.withUnsafeBufferPointer { coefficients in
          let target = unsafe out.baseAddress.map { unsafe $0 + start }
          unsafe kernel(
            level, elements.baseAddress, rows.stride, coefficients.baseAddress, rows.count,
            target, rows.length)
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
