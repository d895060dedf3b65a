import CSinterKernels

// MARK: - Rows as they are stored

extension Kernels {
  /// The most rows, beside a base, whose products are summed up.
  static let fewStoredRows = Int(SINTER_FEW_STORED)

  static func add(
    _ rows: borrowing StoredRows, times coefficients: Span<Double>, hasBase: Bool,
    keepingEqual: Bool, into out: inout MutableSpan<UInt16>, from start: Int
  ) -> Bool {
    let first = hasBase ? rows.stride : 0
    precondition(
      rows.count == coefficients.count + (hasBase ? 1 : 0), "one coefficient for each row")
    precondition(start >= 0 && rows.length <= out.count - start, "the result is too short")
    // SAFETY: the counts were checked, and StoredRows hold the elements of their rows.
    return unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe rows.elements.withUnsafeBufferPointer { elements in
        unsafe coefficients.withUnsafeBufferPointer { coefficients in
          guard let base = elements.baseAddress, let out = out.baseAddress else { return true }
          return unsafe sinter_sum_bf16(
            level, base + first, rows.stride, coefficients.baseAddress, coefficients.count,
            hasBase ? base : nil, keepingEqual ? 1 : 0, out + start, rows.length) != 0
        }
      }
    }
  }

  static func isFinite(_ rows: borrowing StoredRows, row: Int) -> Bool {
    precondition(row >= 0 && row < rows.count, "row out of range")
    // SAFETY: StoredRows hold the elements of their rows.
    return unsafe rows.elements.withUnsafeBufferPointer { elements in
      guard let first = elements.baseAddress else { return true }
      return unsafe sinter_is_finite_bf16(level, first + row * rows.stride, rows.length) != 0
    }
  }

  static func addProducts(
    of rows: borrowing StoredRows, hasBase: Bool, to sums: inout MutableSpan<Double>
  ) -> Bool {
    let count = rows.count - (hasBase ? 1 : 0)
    precondition(count > 0 && sums.count == count * (count + 1) / 2, "one sum for each pair")
    guard count <= fewStoredRows else { return false }
    let first = hasBase ? rows.stride : 0
    // SAFETY: the counts are right, and StoredRows hold the elements of their rows.
    return unsafe rows.elements.withUnsafeBufferPointer { elements in
      unsafe sums.withUnsafeMutableBufferPointer { sums in
        guard let base = elements.baseAddress else { return true }
        return unsafe sinter_add_products_bf16(
          level, base + first, rows.stride, count, hasBase ? base : nil, rows.length,
          sums.baseAddress) != 0
      }
    }
  }
}
