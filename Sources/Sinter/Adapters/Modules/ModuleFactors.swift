import SinterTensors

/// The factors of one module, put aside for the writer, and how good they are.
struct ModuleFactors: Sendable {
  /// A pair of factors, and how well its product holds a matrix.
  struct Pair: Sendable {
    /// The rank; 0 for an expert that nothing is added to.
    let rank: Int
    /// A, rank x inputs, as the adapter stores it.
    let a: AdapterWriter.Scratch
    /// B, outputs x rank, as the adapter stores it.
    let b: AdapterWriter.Scratch
    /// ‖ΔW‖² of what the factors stand for.
    let squaredNorm: Double
    /// ‖ΔW - B A‖² with the factors as stored.
    let squaredError: Double

    /// What is added to an expert that does not change.
    static let nothing = Pair(
      rank: 0, a: AdapterWriter.Scratch(range: 0..<0), b: AdapterWriter.Scratch(range: 0..<0),
      squaredNorm: 0, squaredError: 0)
  }

  /// What is added to the bias of a module, as the adapter stores it.
  struct Bias: Sendable {
    let values: AdapterWriter.Scratch
    /// Whether all of it is zero.
    let isZero: Bool
  }

  /// The pair of the module, or one for each expert.
  let pairs: [Pair]
  /// What is added to the bias, or `nil`.
  var bias: Bias?

  /// The rank of the module, at least 1: the largest of its pairs.
  var rank: Int { pairs.reduce(1) { max($0, $1.rank) } }
  /// ‖ΔW‖² of all pairs.
  var squaredNorm: Double { pairs.reduce(0) { $0 + $1.squaredNorm } }
  /// ‖ΔW - B A‖² of all pairs.
  var squaredError: Double { pairs.reduce(0) { $0 + $1.squaredError } }
  /// Whether anything is added.
  var changesSomething: Bool { squaredNorm > 0 || bias?.isZero == false }
}

extension RangeFinder {
  /// Finds the directions for a rank, and tells what is wrong with the numbers in its own words.
  ///
  /// - Parameters:
  ///   - matrix: the numbers.
  ///   - rank: the rank that is wanted, at least 1.
  ///   - fault: what is thrown when a number, or a sum of them, is NaN or infinite.
  /// - Returns: the directions and what the matrix does with them.
  /// - Throws: the fault; whatever keeps rows from being read.
  func sketch(
    _ matrix: some RowStream, rank: Int, orThrow fault: @autoclosure () -> DiagnosticError
  ) throws -> Sketch {
    do {
      return try sketch(matrix, rank: rank)
    } catch is NonFinite {
      throw fault()
    }
  }
}

extension RowStream {
  /// The squared distance from the product of two factors.
  ///
  /// - Parameters:
  ///   - left: as many rows as the matrix, and rank columns.
  ///   - right: rank rows, and as many columns as the matrix.
  ///   - threads: the largest number of threads.
  /// - Returns: ‖M - left·right‖², a sum over rows in their order.
  /// - Throws: whatever keeps rows from being read.
  func squaredDistance(
    from left: Matrix<Float>, times right: Matrix<Float>, threads: Int
  ) throws -> Double {
    var sum = 0.0
    var negative = left
    negative.scaleRows(by: Array(repeating: -1, count: left.rows))
    try forEachBlock(threads: threads) { start, block in
      for row in stride(from: 0, to: block.rows, by: 96) {
        let end = min(row + 96, block.rows)
        var difference = block.rows(row..<end)
        difference.addProduct(
          negative.rows(start + row..<start + end), right, threads: threads)
        for row in 0..<difference.rows { sum += difference.squaredNorm(ofRow: row) }
      }
    }
    return sum
  }
}

extension Matrix {
  /// The numbers as they will be read again when they are stored as another type.
  ///
  /// - Parameters:
  ///   - dtype: F32, BF16 or F16.
  ///   - name: the module whose factor this is.
  /// - Returns: each element rounded once.
  /// - Throws: ``DiagnosticError`` when one does not fit, or is not finite.
  func rounded(to dtype: DType, module name: String) throws(DiagnosticError) -> Self {
    var result = self
    let count = elements.count
    let length = Swift.min(Swift.max(count, 1), 1 << 16)
    var bytes = ByteBuffer(byteCount: length * 8)
    var numbers = Tile<Double>(rows: 1, capacity: length)
    var nonFinite = 0
    for start in stride(from: 0, to: count, by: length) {
      let length = Swift.min(length, count - start)
      numbers.resize(rows: 1, count: length)
      var row = numbers.mutableRow(0)
      let source = elements.span
      for i in 0..<length { row[i] = Double(source[start + i]) }
      nonFinite += Conversion.narrow(numbers[0], to: dtype, into: &bytes)
      row = numbers.mutableRow(0)
      Conversion.widen(bytes, from: dtype, count: length, into: &row)
      let rounded = numbers[0]
      var target = result.mutableElements
      for i in 0..<length { target[start + i] = Scalar(rounded[i]) }
    }
    guard nonFinite == 0 else {
      throw DiagnosticError([
        Diagnostic(
          .error, "'\(name)': its factors do not fit in \(dtype.rawValue)",
          hint: "choose --dtype float32 or bfloat16")
      ])
    }
    return result
  }
}
