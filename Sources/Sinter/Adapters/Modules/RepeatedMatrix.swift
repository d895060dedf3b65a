import SinterTensors

/// A matrix whose rows are gone through several times: from memory where there is room for all of them,
/// otherwise made anew each time.
struct RepeatedMatrix {
  private let stream: any RowStream
  private let byteCount: Int
  private let whole: () throws -> Matrix<Float>
  private var kept: Matrix<Float>?

  /// Prepares a matrix.
  ///
  /// - Parameters:
  ///   - stream: makes the rows.
  ///   - byteCount: the memory that all of them take, while they are made too.
  ///   - whole: makes all of them.
  init(
    _ stream: any RowStream, byteCount: Int, whole: @escaping () throws -> Matrix<Float>
  ) {
    self.stream = stream
    self.byteCount = byteCount
    self.whole = whole
  }

  /// The rows; those of one that is kept are the same.
  ///
  /// - Parameters:
  ///   - need: the memory that what is done with them takes, in bytes.
  ///   - share: the memory that there is.
  /// - Returns: the matrix or what makes its rows, to be let go before the next call.
  /// - Throws: whatever keeps rows from being made.
  mutating func rows(beside need: Int, in share: ModuleShare) throws -> any RowStream {
    guard need + byteCount <= share.memory else {
      kept = nil
      return stream
    }
    if let kept { return kept }
    let made = try whole()
    kept = made
    return made
  }
}
