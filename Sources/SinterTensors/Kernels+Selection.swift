import CSinterKernels

extension Kernels {
  /// How many keys lie above a bracket, are zero, equal each of its atoms, and were put out.
  struct SelectedKeys {
    var above = 0
    var zeros = 0
    var atoms = SIMD4<Int>()
    var inside = 0

    fileprivate init(_ selection: sinter_selection) {
      // SAFETY: only numbers are read.
      let totals = unsafe selection.totals
      above = Int(totals.0)
      zeros = Int(totals.1)
      atoms = SIMD4(Int(totals.2), Int(totals.3), Int(totals.4), Int(totals.5))
      inside = unsafe Int(selection.found)
    }
  }

  /// Puts out the keys that lie within a bracket and are not its atoms, and counts the others.
  ///
  /// They go to `inside` from the place `start` on, where there is room for all keys.
  static func selectKeys(
    _ row: Span<Double>, minus base: Span<Double>?, mask: UInt64, _ bracket: KeyBracket,
    into inside: inout MutableSpan<UInt64>, from start: Int = 0
  ) -> SelectedKeys {
    precondition(start >= 0 && inside.count - start >= row.count, "there is no room for all keys")
    // SAFETY: the counts were checked; no more keys are put out than the row has.
    return unsafe row.withUnsafeBufferPointer { row in
      unsafe withBase(base, of: row.count) { base in
        unsafe inside.withUnsafeMutableBufferPointer { inside in
          var selection = unsafe selection(bracket, inside, start)
          unsafe sinter_select_keys(level, row.baseAddress, base, row.count, mask, &selection, 1)
          return unsafe SelectedKeys(selection)
        }
      }
    }
  }

  /// The same for two brackets at once.
  static func selectKeys(
    _ row: Span<Double>, minus base: Span<Double>?, mask: UInt64,
    _ first: KeyBracket, into firstInside: inout MutableSpan<UInt64>, from firstStart: Int,
    _ second: KeyBracket, into secondInside: inout MutableSpan<UInt64>, from secondStart: Int
  ) -> (SelectedKeys, SelectedKeys) {
    precondition(
      firstStart >= 0 && firstInside.count - firstStart >= row.count
        && secondStart >= 0 && secondInside.count - secondStart >= row.count,
      "there is no room for all keys")
    // SAFETY: the counts were checked; no more keys are put out than the row has. The elements of a
    // pair lie one after the other.
    return unsafe row.withUnsafeBufferPointer { row in
      unsafe withBase(base, of: row.count) { base in
        unsafe firstInside.withUnsafeMutableBufferPointer { firstInside in
          unsafe secondInside.withUnsafeMutableBufferPointer { secondInside in
            var selections = unsafe (
              selection(first, firstInside, firstStart),
              selection(second, secondInside, secondStart)
            )
            unsafe withUnsafeMutableBytes(of: &selections) { selections in
              unsafe sinter_select_keys(
                level, row.baseAddress, base, row.count, mask,
                selections.baseAddress?.assumingMemoryBound(to: sinter_selection.self), 2)
            }
            return unsafe (SelectedKeys(selections.0), SelectedKeys(selections.1))
          }
        }
      }
    }
  }

  /// Collects keys of the magnitudes of the differences of a stored row from the first, all of them
  /// finite, and counts the others.
  static func selectKeys(
    _ rows: borrowing StoredRows, row: Int, _ bracket: KeyBracket,
    into inside: inout MutableSpan<UInt64>, from start: Int
  ) -> SelectedKeys {
    precondition(row > 0 && row < rows.count, "row out of range")
    precondition(start >= 0 && inside.count - start >= rows.length, "there is no room for all keys")
    // SAFETY: the row lies within the rows; no more keys are put out than it has.
    return unsafe rows.elements.withUnsafeBufferPointer { elements in
      unsafe inside.withUnsafeMutableBufferPointer { inside in
        var selection = unsafe selection(bracket, inside, start)
        unsafe sinter_select_changes_bf16(
          level, elements.baseAddress.map { unsafe $0 + row * rows.stride }, elements.baseAddress,
          rows.length, &selection, 1)
        return unsafe SelectedKeys(selection)
      }
    }
  }

  /// The same for two brackets at once.
  static func selectKeys(
    _ rows: borrowing StoredRows, row: Int,
    _ first: KeyBracket, into firstInside: inout MutableSpan<UInt64>, from firstStart: Int,
    _ second: KeyBracket, into secondInside: inout MutableSpan<UInt64>, from secondStart: Int
  ) -> (SelectedKeys, SelectedKeys) {
    precondition(row > 0 && row < rows.count, "row out of range")
    precondition(
      firstStart >= 0 && firstInside.count - firstStart >= rows.length
        && secondStart >= 0 && secondInside.count - secondStart >= rows.length,
      "there is no room for all keys")
    // SAFETY: the row lies within the rows; no more keys are put out than it has. The elements of a
    // pair lie one after the other.
    return unsafe rows.elements.withUnsafeBufferPointer { elements in
      unsafe firstInside.withUnsafeMutableBufferPointer { firstInside in
        unsafe secondInside.withUnsafeMutableBufferPointer { secondInside in
          var selections = unsafe (
            selection(first, firstInside, firstStart),
            selection(second, secondInside, secondStart)
          )
          unsafe withUnsafeMutableBytes(of: &selections) { selections in
            unsafe sinter_select_changes_bf16(
              level, elements.baseAddress.map { unsafe $0 + row * rows.stride },
              elements.baseAddress, rows.length,
              selections.baseAddress?.assumingMemoryBound(to: sinter_selection.self), 2)
          }
          return unsafe (SelectedKeys(selections.0), SelectedKeys(selections.1))
        }
      }
    }
  }

  /// A bracket as C takes it.
  private static func selection(
    _ bracket: KeyBracket, _ inside: UnsafeMutableBufferPointer<UInt64>, _ start: Int
  ) -> sinter_selection {
    let atoms = bracket.atoms
    // SAFETY: the caller checked that the keys fit behind the start.
    return unsafe sinter_selection(
      low: bracket.low, high: bracket.high, atoms: (atoms[0], atoms[1], atoms[2], atoms[3]),
      inside: inside.baseAddress.map { unsafe $0 + start }, found: 0, totals: (0, 0, 0, 0, 0, 0))
  }

  /// The place of a base of as many elements, or none.
  private static func withBase<Result>(
    _ base: Span<Double>?, of count: Int, _ body: (UnsafePointer<Double>?) -> Result
  ) -> Result {
    guard let base else { return body(nil) }
    precondition(base.count == count, "the base has another length")
    // SAFETY: the pointer is used only while the span is borrowed.
    return unsafe base.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
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

  /// Subtracts a base, and sets the elements to zero whose magnitude is below a threshold, or equal
  /// to it.
  static func keep(
    _ row: inout MutableSpan<Double>, minus base: Span<Double>?, above threshold: Double,
    orEqual: Bool
  ) {
    let count = row.count
    // SAFETY: the count is that of both.
    unsafe row.withUnsafeMutableBufferPointer { row in
      unsafe withBase(base, of: count) { base in
        unsafe sinter_keep_from(level, row.baseAddress, base, count, threshold, orEqual ? 1 : 0)
      }
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
