import CSinterKernels

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
    _ row: Span<Double>, minus base: Span<Double>?, mask: UInt64, _ bracket: KeyBracket,
    into inside: inout MutableSpan<UInt64>
  ) -> SelectedKeys {
    precondition(inside.count >= row.count, "there is no room for all keys")
    var atoms = bracket.atoms
    // The last two are not used.
    var totals = SIMD8<UInt64>()
    // SAFETY: the counts were checked; no more keys are put out than the row has, there are four
    // atoms, and the totals are two more. Vectors lie in memory as their elements do.
    let found = unsafe row.withUnsafeBufferPointer { row in
      unsafe withBase(base, of: row.count) { base in
        unsafe inside.withUnsafeMutableBufferPointer { inside in
          unsafe withUnsafeMutableBytes(of: &atoms) { atoms in
            unsafe withUnsafeMutableBytes(of: &totals) { totals in
              unsafe sinter_select_keys(
                level, row.baseAddress, base, row.count, mask, bracket.low, bracket.high,
                atoms.baseAddress?.assumingMemoryBound(to: UInt64.self), inside.baseAddress,
                totals.baseAddress?.assumingMemoryBound(to: UInt64.self))
            }
          }
        }
      }
    }
    return SelectedKeys(
      above: Int(totals[0]), zeros: Int(totals[1]),
      atoms: SIMD4(Int(totals[2]), Int(totals[3]), Int(totals[4]), Int(totals[5])), inside: found)
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
