import CSinterKernels

/// The loops over rows that are written in C, with spans in place of pointers.
///
/// This is the only file that calls C.
enum Kernels {
  /// The number of the highest level that the machine has.
  static let bestLevel = sinter_best_level()
}

// MARK: - Conversion

extension Kernels {
  /// Widens elements; `bytes` holds as many as the row takes, aligned to their size.
  static func widen(
    _ bytes: Span<UInt8>, from dtype: DType, count: Int, into row: inout MutableSpan<Double>
  ) {
    let kernel:
      @convention(c) (Int32, UnsafeRawPointer?, UnsafeMutablePointer<Double>?, Int) -> Void
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
    // SAFETY: both counts were checked, and the row is borrowed exclusively.
    unsafe bytes.withUnsafeBufferPointer { source in
      unsafe row.withUnsafeMutableBufferPointer { target in
        unsafe kernel(KernelLevel.current, source.baseAddress, target.baseAddress, count)
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
    // SAFETY: both counts were checked, and the bytes are borrowed exclusively.
    return unsafe row.withUnsafeBufferPointer { source in
      unsafe bytes.withUnsafeMutableBufferPointer { target in
        let start = unsafe target.baseAddress.map { unsafe UnsafeMutableRawPointer($0) + offset }
        return unsafe kernel(KernelLevel.current, source.baseAddress, start, source.count)
      }
    }
  }
}

// MARK: - Selection

extension Kernels {
  /// How many keys lie above a bracket, equal its candidate, are zero, and were put out.
  struct SelectedKeys {
    var above = 0
    var equal = 0
    var zeros = 0
    var inside = 0
  }

  /// Puts out the keys that lie within a bracket and are not its candidate, and counts the others.
  static func selectKeys(
    _ row: Span<Double>, mask: UInt64, _ bracket: KeyBracket, into inside: inout MutableSpan<UInt64>
  ) -> SelectedKeys {
    precondition(inside.count >= row.count, "there is no room for all keys")
    var totals: (UInt64, UInt64, UInt64) = (0, 0, 0)
    // SAFETY: the counts were checked; no more keys are put out than the row has.
    let found = unsafe row.withUnsafeBufferPointer { row in
      unsafe inside.withUnsafeMutableBufferPointer { inside in
        unsafe withUnsafeMutableBytes(of: &totals) { totals in
          unsafe sinter_select_keys(
            KernelLevel.current, row.baseAddress, row.count, mask, bracket.low, bracket.high,
            // No key is as large as this one: above infinity there are only NaNs.
            bracket.candidate ?? .max, inside.baseAddress,
            totals.baseAddress?.assumingMemoryBound(to: UInt64.self))
        }
      }
    }
    return SelectedKeys(
      above: Int(totals.0), equal: Int(totals.1), zeros: Int(totals.2), inside: found)
  }

  /// Counts keys in bins of three numbers: their count, and the least and the greatest of them.
  static func countBins(
    _ keys: Span<UInt64>, from low: UInt64, shift: Int, into bins: inout MutableSpan<UInt64>
  ) {
    // SAFETY: the counts are the spans'; the C code leaves out keys that are beyond the bins.
    unsafe keys.withUnsafeBufferPointer { keys in
      unsafe bins.withUnsafeMutableBufferPointer { bins in
        unsafe sinter_count_bins(
          KernelLevel.current, keys.baseAddress, keys.count, low, Int32(shift), bins.baseAddress,
          bins.count / 3)
      }
    }
  }

  /// Sets the elements to zero whose magnitude is below a threshold, or equal to it.
  static func keep(_ row: inout MutableSpan<Double>, above threshold: Double, orEqual: Bool) {
    // SAFETY: the count is the span's.
    unsafe row.withUnsafeMutableBufferPointer {
      unsafe sinter_keep_from(
        KernelLevel.current, $0.baseAddress, $0.count, threshold, orEqual ? 1 : 0)
    }
  }

  /// Sets the elements to zero whose magnitude is above a threshold, or equal to it.
  static func drop(_ row: inout MutableSpan<Double>, above threshold: Double, orEqual: Bool) {
    // SAFETY: the count is the span's.
    unsafe row.withUnsafeMutableBufferPointer {
      unsafe sinter_drop_from(
        KernelLevel.current, $0.baseAddress, $0.count, threshold, orEqual ? 1 : 0)
    }
  }
}
