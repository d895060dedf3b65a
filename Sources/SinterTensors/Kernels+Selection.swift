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
