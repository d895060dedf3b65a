import Safetensors
import SinterTensors

/// Makes the two factors of one module of several updates.
struct ModuleCombination {
  let module: CombinedModule
  let adapters: [Adapter]
  let options: CombinationOptions
  let dtype: DType
  let share: ModuleShare
  let writer: AdapterWriter
  let progress: ProgressCounter
  let stop: StopFlag

  private var threads: Int { share.threads }

  /// Does the work.
  ///
  /// - Parameter earlier: the factors of the first experts, where they were found before.
  /// - Returns: the factors of the module.
  /// - Throws: `SafetensorsError`, ``DiagnosticError``, ``OutgrownShare`` or `CancellationError`.
  func run(after earlier: [ModuleFactors.Pair] = []) throws -> ModuleFactors {
    let readers = try zip(adapters, module.parts).map { adapter, part in
      try part.map { try FactorReader($0, of: adapter) }
    }
    for part in module.parts.compactMap(\.self) {
      progress.add(bytesRead: part.a.byteCount + part.b.byteCount, bytesWritten: 0)
    }
    let experts = 0..<module.experts
    let pairs: [ModuleFactors.Pair]
    switch module.step {
    case .sum(let coefficients):
      pairs = try experts.map { expert in
        let updates = try updates(readers, expert)
        return try store(
          FactoredMatrix(sumOf: zip(updates, coefficients).map { $0.balanced(times: $1) }))
      }
    case .elements(let method):
      let matrices = try experts.map { try updates(readers, $0) }
      pairs = try merge(
        adapters.indices.map { place in FactoredStack(matrices.map { $0[place] }) }, by: method,
        after: earlier)
    case .sharedBasis(let method, let group):
      pairs = try experts.map { try store(try aligned(try updates(readers, $0), method, group)) }
    }
    return ModuleFactors(pairs: pairs, bias: try module.bias.map { try bias($0) })
  }

  /// The updates of the adapters, of one expert.
  private func updates(_ readers: [FactorReader?], _ expert: Int) throws -> [FactoredMatrix] {
    try stop.check()
    return try readers.indices.map { place in
      guard let reader = readers[place], let part = module.parts[place] else {
        return FactoredMatrix(rows: module.outputs, columns: module.inputs)
      }
      let factors = try reader.factors(of: expert)
      try check(part.a, factors.a, of: adapters[place])
      try check(part.b, factors.b, of: adapters[place])
      return FactoredMatrix(
        left: Matrix(rows: factors.outputs, columns: factors.rank, elements: factors.b),
        right: Matrix(rows: factors.rank, columns: factors.inputs, elements: factors.a)
      ).balanced(times: part.scale)
    }
  }

  /// Refuses what is not finite.
  private func check(_ tensor: CheckpointTensor, _ values: [Double], of adapter: Adapter) throws {
    let count = Reduction.countNonFinite(values.span)
    guard count == 0 else {
      throw DiagnosticError([
        Diagnostic(
          .error, file: adapter.file.path,
          "tensor '\(tensor.name)' holds \(CountText.of(count, "value")) that "
            + "\(count == 1 ? "is" : "are") NaN or infinite",
          hint: "the adapter is damaged or diverged in training")
      ])
    }
  }

  // MARK: Biases

  /// What is added to the bias of the module: a vector, merged as a tensor of its own.
  private func bias(_ step: CombinedModule.Step) throws -> ModuleFactors.Bias {
    let vectors = try zip(adapters, module.parts).map { adapter, part in
      guard let part, let bias = part.bias else {
        return [Double](repeating: 0, count: module.outputs)
      }
      let values = try StoredTensor(file: adapter.file.input, tensor: bias).numbers(
        as: Double.self)
      try check(bias, values, of: adapter)
      return values.map { $0 * part.scale }
    }
    switch step {
    case .sum(let coefficients):
      var sum = Matrix<Double>(rows: 1, columns: module.outputs)
      for (vector, coefficient) in zip(vectors, coefficients) {
        sum.add(vector, times: coefficient)
      }
      return try store(bias: sum)
    case .elements(let method):
      return try store(bias: try merged(vectors.map { FactoredStack($0) }, by: method))
    case .sharedBasis:
      preconditionFailure("the plan refuses biases that have no basis to share")
    }
  }

  private func store<Scalar: WorkingFloat>(
    bias: Matrix<Scalar>
  ) throws -> ModuleFactors.Bias {
    let rounded = try bias.rounded(to: dtype, module: module.label)
    return ModuleFactors.Bias(
      values: try writer.store(rounded.elements, as: dtype),
      isZero: rounded.largestMagnitude == 0)
  }

  // MARK: Sums

  /// Stores a product, cut to the rank that is asked for.
  private func store(_ product: FactoredMatrix) throws -> ModuleFactors.Pair {
    guard product.rank > 0 else { return try store(zeros, squaredNorm: 0, squaredTail: 0) }
    if options.energy == nil, options.rank ?? product.rank >= product.rank {
      let squaredNorm = product.squaredNorm(threads: threads)
      try check(squaredNorm)
      return try store(product, squaredNorm: squaredNorm, squaredTail: 0)
    }
    let values = FactoredSingularValues(product)
    try check(values.squaredNorm)
    let wanted = options.energy.map { values.rank(forEnergy: $0) } ?? values.values.count
    let rank = max(1, min(wanted, options.rank ?? wanted, values.numericalRank))
    return try store(
      values.approximation(rank: rank), squaredNorm: values.squaredNorm,
      squaredTail: values.squaredTail(rank: rank))
  }

  /// One column and one row of zeros: an update of nothing.
  private var zeros: FactoredMatrix {
    FactoredMatrix(
      left: Matrix(rows: module.outputs, columns: 1), right: Matrix(rows: 1, columns: module.inputs)
    )
  }

  /// Stores factors as they are.
  ///
  /// What the cut misses is at right angles to the factors, and so, but for the product of two
  /// roundings, to what their rounding changes: the squares of both errors add up.
  private func store(
    _ product: FactoredMatrix, squaredNorm: Double, squaredTail: Double
  ) throws -> ModuleFactors.Pair {
    let left = try product.left.rounded(to: dtype, module: module.label)
    let right = try product.right.rounded(to: dtype, module: module.label)
    return ModuleFactors.Pair(
      rank: product.rank, a: try writer.store(right.elements, as: dtype),
      b: try writer.store(left.elements, as: dtype), squaredNorm: squaredNorm,
      squaredError: squaredTail + roundingError(product, left, right))
  }

  /// The square of the norm of B A - B' A', where the latter are rounded.
  private func roundingError(
    _ product: FactoredMatrix, _ left: Matrix<Double>, _ right: Matrix<Double>
  ) -> Double {
    var (first, second) = (left, right)
    first.add(product.left.elements, times: -1)
    second.add(product.right.elements, times: -1)
    // B' A' - B A = (B' - B) A' + B (A' - A)
    var parts: [FactoredMatrix] = []
    if first.largestMagnitude > 0 { parts.append(FactoredMatrix(left: first, right: right)) }
    if second.largestMagnitude > 0 {
      parts.append(FactoredMatrix(left: product.left, right: second))
    }
    return parts.isEmpty ? 0 : FactoredMatrix(sumOf: parts).squaredNorm(threads: threads)
  }

  // MARK: A shared basis

  /// The updates, merged in a basis that they share.
  ///
  /// The updates side by side are B times a matrix with the other factors on its diagonal, so their
  /// decomposition needs small matrices only: with the right factor of update i made orthonormal,
  /// Aᵢ = Rᵢ·Qᵢ, it is that of [B₁·R₁ … Bₙ·Rₙ].
  private func aligned(
    _ updates: [FactoredMatrix], _ method: any MergeMethod.Type, _ group: MergeGroup
  ) throws -> FactoredMatrix {
    let present = updates.filter { $0.rank > 0 && $0.squaredNorm() > 0 }
    guard !present.isEmpty else { return updates[0] }
    let factors = present.map { QRFactorization($0.right.transposed()) }
    let products = zip(present, factors).map { $0.left.timesTransposed($1.r) }
    let all = Matrix(sideBySide: products)
    let (basis, vectors) = FactoredSingularValues(
      FactoredMatrix(left: all, right: .identity(all.columns))
    ).basis()
    var coefficients: [FactoredMatrix] = []
    var (place, start) = (0, 0)
    for update in updates {
      guard update.rank > 0, place < present.count, update.squaredNorm() > 0 else {
        coefficients.append(FactoredMatrix(rows: vectors.rows, columns: module.inputs))
        continue
      }
      let count = products[place].columns
      coefficients.append(
        FactoredMatrix(
          left: vectors.columns(Array(start..<start + count)),
          right: factors[place].q.transposed()))
      start += count
      place += 1
    }
    let own = MergeGroup(
      tensor: group.tensor, shape: [vectors.rows, module.inputs], inputs: group.inputs,
      hasBase: group.hasBase, parameters: group.parameters, seed: group.seed)
    let merged = try merged(
      coefficients.map { FactoredStack([$0]) }, by: try method.init(own))
    return FactoredMatrix(left: basis, right: Matrix<Double>(merged)).balanced(times: 1)
  }

  private func merged(
    _ updates: [FactoredStack], by method: some MergeMethod
  ) throws -> Matrix<Float> {
    try MergedUpdates(method, updates, threads: threads, stop: stop).matrix(threads: threads)
  }

  // MARK: Merges of elements

  /// Merges updates as one tensor, and factors the result: that of each expert by itself.
  private func merge(
    _ updates: [FactoredStack], by method: some MergeMethod, after earlier: [ModuleFactors.Pair]
  ) throws -> [ModuleFactors.Pair] {
    let stream = try MergedUpdates(method, updates, threads: threads, stop: stop)
    var pairs = earlier
    for expert in earlier.count..<module.experts {
      let part = stream.part(expert * module.outputs..<(expert + 1) * module.outputs)
      // It is put together of pieces.
      let byteCount = 2 * MemoryLayout<Float>.stride * part.rows * part.columns
      do {
        pairs.append(
          try fit(
            RepeatedMatrix(part, byteCount: byteCount) { try part.matrix(threads: threads) },
            expert))
      } catch is OutgrownShare {
        throw OutgrownShare(pairs: pairs)
      }
    }
    return pairs
  }

  /// The factors of a matrix that is given by its rows.
  private func fit(_ repeated: RepeatedMatrix, _ expert: Int) throws -> ModuleFactors.Pair {
    var repeated = repeated
    let limit = min(module.outputs, module.inputs)
    let largest = max(1, min(options.rank ?? (options.energy == nil ? module.rank : limit), limit))
    let finder = RangeFinder(
      random: CounterRandom(
        seed: options.seed, stream: CounterRandom.stream(model: expert, tensor: module.label)),
      threads: threads)
    var guess = CombinationBudget.firstRank(of: module, options)
    while true {
      let need = CombinationBudget.need(of: module, options, rank: guess)
      try share.require(need, orThrow: tooLarge(rank: guess))
      let matrix = try repeated.rows(beside: need, in: share)
      let sketch = try finder.sketch(matrix, rank: guess, orThrow: tooLarge)
      try stop.check()
      guard sketch.squaredNorm > 0 else { return try store(zeros, squaredNorm: 0, squaredTail: 0) }
      let wanted = options.energy.map { sketch.rank(forEnergy: $0) } ?? largest
      if let rank = wanted ?? (guess >= largest ? largest : nil) {
        let (left, right) = sketch.factors(
          rank: min(rank, largest, sketch.numericalRank, sketch.singularValues.count))
        return try store(left, right, matrix, sketch.squaredNorm)
      }
      guess = min(2 * guess, largest)
    }
  }

  /// Rounds factors, puts them aside, and compares their product with the matrix.
  private func store(
    _ left: Matrix<Float>, _ right: Matrix<Float>, _ matrix: some RowStream, _ squaredNorm: Double
  ) throws -> ModuleFactors.Pair {
    let left = try left.rounded(to: dtype, module: module.label)
    let right = try right.rounded(to: dtype, module: module.label)
    let squaredError = try matrix.squaredDistance(from: left, times: right, threads: threads)
    return ModuleFactors.Pair(
      rank: left.columns, a: try writer.store(right.elements, as: dtype),
      b: try writer.store(left.elements, as: dtype), squaredNorm: squaredNorm,
      squaredError: squaredError)
  }

  // MARK: Checks

  private func check(_ squaredNorm: Double) throws(DiagnosticError) {
    guard squaredNorm.isFinite else { throw tooLarge }
  }

  private var tooLarge: DiagnosticError {
    DiagnosticError([
      Diagnostic(
        .error, "'\(module.label)': its combined update is too large for its norm to be a number",
        hint: "look at the weights, and at the adapters with 'sinter adapter inspect'")
    ])
  }

  /// Why a rank that is tried does not fit.
  private func tooLarge(rank: Int) -> DiagnosticError {
    DiagnosticError([
      Diagnostic(
        .error,
        "'\(module.label)': keeping \(options.energy ?? 1) of its update takes more than rank "
          + "\(rank / 2), and a larger one more memory than the ceiling gives",
        hint: "raise --memory, or limit the rank with --rank")
    ])
  }
}
