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
