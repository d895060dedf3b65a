import CSinterKernels

extension Kernels {
  static func mergeByVote(
    _ rows: borrowing TileRows, _ thinned: ThinnedRows, _ votes: Span<SignVote.Voter>,
    _ vote: SignVote, on base: Span<Double>, into out: inout MutableSpan<Double>
  ) {
    precondition(votes.count == rows.count, "as many voters as rows")
    let election = sinter_election(
      zero_sign: vote.zeroIsPositive ? 1 : 0, lambda: vote.lambda,
      least_divisor: vote.leastDivisor, divides: vote.divides ? 1 : 0)
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
    let markCount = RowArithmetic.markCount(rows.length)
    // SAFETY: the counts are checked, a TileRows holds the elements of its rows, and bounds are two
    // Doubles in the order of the C structure. Pointers are used while what they point to is borrowed.
    unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe base.withUnsafeBufferPointer { base in
        unsafe rows.elements.withUnsafeBufferPointer { elements in
          var vectors = unsafe sinter_task_vectors(
            base: base.baseAddress, rows: elements.baseAddress, stride: rows.stride,
            row_count: rows.count, bounds: nil, marks: nil, marks_stride: markCount,
            selectors: nil)
          switch thinned {
          case .subtracted:
            unsafe body(vectors, out)
          case .bounded(let bounds):
            precondition(bounds.count == rows.count, "bounds for each row")
            unsafe bounds.withUnsafeBufferPointer { bounds in
              unsafe bounds.withMemoryRebound(to: sinter_bounds.self) { bounds in
                unsafe vectors.bounds = bounds.baseAddress
                unsafe body(vectors, out)
              }
            }
          case .marked(let marks):
            precondition(marks.count == rows.count * markCount, "marks for each row")
            unsafe marks.withUnsafeBufferPointer { marks in
              unsafe vectors.marks = marks.baseAddress
              unsafe body(vectors, out)
            }
          }
        }
      }
    }
  }
}
