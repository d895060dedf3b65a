import CSinterKernels

extension Kernels {
  static func mergeByVote(
    _ rows: borrowing TileRows, _ thinned: ThinnedRows, _ votes: Span<SignVote.Voter>,
    _ vote: SignVote, on base: Span<Double>, into out: inout MutableSpan<Double>
  ) {
    precondition(votes.count == rows.count, "as many voters as rows")
    let election = election(vote)
    // SAFETY: the counts were checked, and a voter is four Doubles in the order of the C structure.
    unsafe withTaskVectors(rows, thinned, on: base, &out) { vectors, out in
      unsafe votes.withUnsafeBufferPointer { votes in
        unsafe votes.withMemoryRebound(to: sinter_vote.self) { votes in
          unsafe sinter_merge_by_vote(
            level, vectors, votes.baseAddress, election, out.baseAddress, out.count)
        }
      }
    }
  }

  private static func election(_ vote: SignVote) -> sinter_election {
    sinter_election(
      zero_sign: vote.zeroIsPositive ? 1 : 0, lambda: vote.lambda,
      least_divisor: vote.leastDivisor, divides: vote.divides ? 1 : 0)
  }

  static func addTaskVectors(
    _ rows: borrowing TileRows, _ thinned: ThinnedRows, times coefficients: Span<Double>,
    on base: Span<Double>, into out: inout MutableSpan<Double>
  ) {
    precondition(rows.count > 0 && coefficients.count == rows.count, "a coefficient for each row")
    // SAFETY: the counts were checked.
    unsafe withTaskVectors(rows, thinned, on: base, &out) { vectors, out in
      unsafe coefficients.withUnsafeBufferPointer { coefficients in
        unsafe sinter_add_task_vectors(
          level, vectors, coefficients.baseAddress, out.baseAddress, out.count)
      }
    }
  }

  /// Task vectors as C takes them, and where their merge goes.
  private static func withTaskVectors(
    _ rows: borrowing TileRows, _ thinned: ThinnedRows, on base: Span<Double>,
    _ out: inout MutableSpan<Double>,
    _ body: (sinter_task_vectors, UnsafeMutableBufferPointer<Double>) -> Void
  ) {
    precondition(rows.length == out.count && base.count == out.count, "the rows differ in length")
    // SAFETY: the counts are checked, and a TileRows holds the elements of its rows. Pointers are used
    // while what they point to is borrowed.
    unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe base.withUnsafeBufferPointer { base in
        unsafe rows.elements.withUnsafeBufferPointer { elements in
          let vectors = unsafe sinter_task_vectors(
            stored_base: nil, stored_rows: nil, base: base.baseAddress,
            rows: elements.baseAddress, stride: rows.stride, row_count: rows.count, bounds: nil,
            marks: nil, marks_stride: RowArithmetic.markCount(rows.length), selectors: nil)
          unsafe with(thinned, vectors) { unsafe body($0, out) }
        }
      }
    }
  }

  /// Task vectors with what is left of them.
  private static func with<Result>(
    _ thinned: ThinnedRows, _ vectors: sinter_task_vectors,
    _ body: (sinter_task_vectors) -> Result
  ) -> Result {
    var vectors = unsafe vectors
    // SAFETY: the counts are checked, and bounds are two Doubles in the order of the C structure.
    // Pointers are used while what they point to is borrowed.
    switch thinned {
    case .subtracted:
      return unsafe body(vectors)
    case .bounded(let bounds):
      unsafe precondition(bounds.count == vectors.row_count, "bounds for each row")
      return unsafe bounds.withUnsafeBufferPointer { bounds in
        unsafe bounds.withMemoryRebound(to: sinter_bounds.self) { bounds in
          unsafe vectors.bounds = bounds.baseAddress
          return unsafe body(vectors)
        }
      }
    case .marked(let marks):
      unsafe precondition(
        marks.count == vectors.row_count * vectors.marks_stride, "marks for each row")
      return unsafe marks.withUnsafeBufferPointer { marks in
        unsafe vectors.marks = marks.baseAddress
        return unsafe body(vectors)
      }
    }
  }
}

// MARK: - Rows as they are stored

extension Kernels {
  static func mergeByVote(
    _ rows: borrowing StoredRows, _ thinned: ThinnedRows, _ votes: Span<SignVote.Voter>,
    _ vote: SignVote, into out: inout MutableSpan<UInt16>, from start: Int
  ) -> Bool {
    precondition(votes.count == rows.count - 1, "as many voters as rows")
    let election = election(vote)
    // SAFETY: the counts were checked, and a voter is four Doubles in the order of the C structure.
    return unsafe withStored(rows, thinned, &out, from: start) { vectors, out in
      unsafe votes.withUnsafeBufferPointer { votes in
        unsafe votes.withMemoryRebound(to: sinter_vote.self) { votes in
          unsafe sinter_merge_by_vote_bf16(
            level, vectors, votes.baseAddress, election, out.baseAddress, out.count) != 0
        }
      }
    }
  }

  static func addTaskVectors(
    _ rows: borrowing StoredRows, _ thinned: ThinnedRows, times coefficients: Span<Double>,
    into out: inout MutableSpan<UInt16>, from start: Int
  ) -> Bool {
    precondition(rows.count > 1 && coefficients.count == rows.count - 1, "a coefficient for each")
    // SAFETY: the counts were checked.
    return unsafe withStored(rows, thinned, &out, from: start) { vectors, out in
      unsafe coefficients.withUnsafeBufferPointer { coefficients in
        unsafe sinter_add_task_vectors_bf16(
          level, vectors, coefficients.baseAddress, out.baseAddress, out.count) != 0
      }
    }
  }

  /// Task vectors as C takes them, the base their first row, and the part of a result that gets their
  /// merge.
  private static func withStored(
    _ rows: borrowing StoredRows, _ thinned: ThinnedRows, _ out: inout MutableSpan<UInt16>,
    from start: Int, _ body: (sinter_task_vectors, UnsafeMutableBufferPointer<UInt16>) -> Bool
  ) -> Bool {
    precondition(start >= 0 && rows.length <= out.count - start, "the result is too short")
    if case .subtracted = thinned { preconditionFailure("stored rows are not differences") }
    // SAFETY: the counts are checked, and StoredRows hold the elements of their rows. Pointers are used
    // while what they point to is borrowed.
    return unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe rows.elements.withUnsafeBufferPointer { elements in
        let first = unsafe elements.baseAddress.map { unsafe $0 + rows.stride }
        let vectors = unsafe sinter_task_vectors(
          stored_base: elements.baseAddress, stored_rows: first, base: nil, rows: nil,
          stride: rows.stride, row_count: rows.count - 1, bounds: nil, marks: nil,
          marks_stride: RowArithmetic.markCount(rows.length), selectors: nil)
        let target = unsafe UnsafeMutableBufferPointer(
          rebasing: out[start..<start + rows.length])
        return unsafe with(thinned, vectors) { unsafe body($0, target) }
      }
    }
  }

  static func sumsOfKept(
    _ rows: borrowing StoredRows, row: Int, _ random: CounterRandom, from index: Int,
    below limit: UInt32, marking marks: inout MutableSpan<UInt16>, from start: Int
  ) -> (all: Double, kept: Double)? {
    precondition(row > 0 && row < rows.count, "row out of range")
    precondition(
      start >= 0 && RowArithmetic.markCount(rows.length) <= marks.count - start, "too few marks")
    var (all, kept) = (0.0, 0.0)
    // SAFETY: the row lies within the rows, and there is a mark for each 16 elements.
    let isDone = unsafe rows.elements.withUnsafeBufferPointer { elements in
      unsafe marks.withUnsafeMutableBufferPointer { marks in
        guard let base = elements.baseAddress, let target = marks.baseAddress else { return true }
        return unsafe sinter_sums_of_kept_bf16(
          level, random.seed, random.stream, UInt64(index), limit, base + row * rows.stride, base,
          target + start, rows.length, &all, &kept) != 0
      }
    }
    return isDone ? (all, kept) : nil
  }
}
