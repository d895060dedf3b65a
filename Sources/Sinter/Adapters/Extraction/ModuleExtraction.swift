import SinterTensors

/// Turns the difference of one module's weight into two factors.
struct ModuleExtraction {
  let module: ModuleDifference
  let options: ExtractionOptions
  let share: ModuleShare
  let writer: AdapterWriter
  let progress: ProgressCounter
  let stop: StopFlag

  private var limit: Int { min(module.extents.rows, module.extents.columns) }

  /// Does the work.
  ///
  /// - Parameter earlier: the factors of the first experts, where they were found before.
  /// - Returns: the factors; `nil` when there is no difference.
  /// - Throws: `SafetensorsError`, ``DiagnosticError``, ``OutgrownShare`` or `CancellationError`.
  func run(after earlier: [ModuleFactors.Pair] = []) throws -> ModuleFactors? {
    guard let weight = module.weight, let base = weight.base else { return nil }
    let (rows, columns) = module.extents
    var pairs = earlier
    for expert in earlier.count..<module.experts {
      let stream = DifferenceStream(
        finetuned: weight.finetuned, base: base, rows: rows, columns: columns, expert: expert,
        progress: progress, stop: stop)
      do {
        pairs.append(try factors(of: stream, expert) ?? .nothing)
      } catch is OutgrownShare {
        throw OutgrownShare(pairs: pairs)
      }
    }
    return pairs.contains { $0.rank > 0 } ? ModuleFactors(pairs: pairs) : nil
  }

  /// The factors of one matrix; `nil` when it is zero.
  private func factors(
    of stream: DifferenceStream, _ expert: Int
  ) throws -> ModuleFactors.Pair? {
    var repeated = RepeatedMatrix(
      stream, byteCount: MemoryLayout<Float>.stride * stream.rows * stream.columns
    ) { try stream.matrix() }
    if options.energy == nil, options.rank ?? 1 >= limit {
      let need = ExtractionBudget.need(of: module, directions: limit)
      return try exactFactors(of: repeated.rows(beside: need, in: share))
    }
    let finder = RangeFinder(
      random: CounterRandom(
        seed: options.seed,
        stream: CounterRandom.stream(
          model: expert, tensor: module.parameter.map { module.name + "." + $0 } ?? module.name)),
      threads: share.threads)
    let largest = min(options.rank ?? limit, limit)
    var guess = options.energy == nil ? largest : min(largest, 32)
    while true {
      let need = ExtractionBudget.need(
        of: module, directions: ExtractionBudget.directions(rank: guess, limit))
      try share.require(need, orThrow: tooLarge(rank: guess))
      let matrix = try repeated.rows(beside: need, in: share)
      let sketch = try finder.sketch(matrix, rank: guess, orThrow: nonFinite)
      try stop.check()
      guard sketch.squaredNorm > 0 else { return nil }
      if let rank = rank(for: sketch, guess: guess, largest: largest) {
        let (left, right) = sketch.factors(rank: min(rank, sketch.numericalRank))
        return try store(left, right, matrix, sketch.squaredNorm)
      }
      if guess >= limit { return try exactFactors(of: matrix) }
      guess = min(2 * guess, limit)
    }
  }

  /// The rank to take; `nil` when more directions have to be followed first.
  private func rank(for sketch: Sketch, guess: Int, largest: Int) -> Int? {
    guard let energy = options.energy else { return largest }
    if let rank = sketch.rank(forEnergy: energy) { return min(rank, largest) }
    return guess >= largest && largest < limit ? largest : nil
  }

  /// The matrix itself and a multiple of the identity: exact, since the factor is a power of two.
  private func exactFactors(of matrix: some RowStream) throws -> ModuleFactors.Pair? {
    var parts: [Matrix<Float>] = []
    var squaredNorm = 0.0
    try matrix.forEachBlock(threads: share.threads) { _, block in
      for row in 0..<block.rows { squaredNorm += block.squaredNorm(ofRow: row) }
      parts.append(block)
    }
    guard squaredNorm.isFinite else { throw nonFinite }
    guard squaredNorm > 0 else { return nil }
    var whole = parts.count == 1 ? parts[0] : Matrix(stacked: parts)
    // Both factors get about the same norm.
    let ratio = (squaredNorm / Double(limit)).squareRoot().squareRoot()
    let unit = Float(sign: .plus, exponent: Int(ratio.exponent), significand: 1)
    whole.scaleRows(by: Array(repeating: 1 / unit, count: whole.rows))
    var identity = Matrix<Float>.identity(limit)
    identity.scaleRows(by: Array(repeating: unit, count: limit))
    return whole.rows <= whole.columns
      ? try store(identity, whole, matrix, squaredNorm)
      : try store(whole, identity, matrix, squaredNorm)
  }

  /// Rounds the factors, puts them aside, and compares their product with the difference.
  private func store(
    _ left: Matrix<Float>, _ right: Matrix<Float>, _ matrix: some RowStream, _ squaredNorm: Double
  ) throws -> ModuleFactors.Pair {
    let dtype = options.dtype
    let left = try left.rounded(to: dtype, module: module.label)
    let right = try right.rounded(to: dtype, module: module.label)
    let squaredError = try matrix.squaredDistance(
      from: left, times: right, threads: share.threads)
    // Of a form whose matrix is transposed in the adapter, both are transposed and exchanged.
    let (b, a) =
      module.form?.isTransposed == true
      ? (right.transposed(), left.transposed()) : (left, right)
    return ModuleFactors.Pair(
      rank: left.columns, a: try writer.store(a.elements, as: dtype),
      b: try writer.store(b.elements, as: dtype), squaredNorm: squaredNorm,
      squaredError: squaredError)
  }

  private var nonFinite: DiagnosticError {
    DiagnosticError([
      Diagnostic(
        .error, "'\(module.label)': the difference of the two weights is NaN or infinite",
        hint: "one of the models is damaged or diverged in training")
    ])
  }

  /// Why a rank that is tried does not fit.
  private func tooLarge(rank: Int) -> DiagnosticError {
    DiagnosticError([
      Diagnostic(
        .error,
        "'\(module.label)': keeping \(options.energy ?? 1) of its difference takes more than rank "
          + "\(rank / 2), and a larger one more memory than the ceiling gives",
        hint: "raise --memory, or limit the rank with --rank")
    ])
  }
}
