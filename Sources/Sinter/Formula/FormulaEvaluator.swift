import SinterTensors

/// Runs a program over the blocks of a tile.
///
/// A block is short enough for the registers to stay in the nearest caches. Each step is one loop
/// over a block that the compiler turns into vector code. A register has room for a whole block; the
/// last block of a tile fills a part of it.
struct FormulaEvaluator {
  private let program: FormulaProgram
  private var registers: [[Double]]
  /// The bits of random numbers, when the program has any.
  private var bits: [UInt32] = []
  /// The number of elements of each block but the last.
  let blockLength: Int

  /// Makes the registers that a program needs.
  ///
  /// - Parameters:
  ///   - program: the program.
  ///   - count: the number of elements of the tile.
  init(_ program: FormulaProgram, count: Int) {
    self.program = program
    // The cut decides the order of sums, so it depends on the program alone.
    let share = 32_768 / max(program.registerCount, 1) / 64 * 64
    blockLength = max(64, min(share, 1024))
    registers = [[Double]](
      repeating: [Double](repeating: 0, count: min(blockLength, count)),
      count: program.registerCount)
  }

  /// Computes the values of a block.
  ///
  /// - Parameters:
  ///   - block: the elements of the tile.
  ///   - tile: the inputs.
  ///   - start: the index in the tensor of the tile's first element.
  mutating func run(_ block: Range<Int>, of tile: borrowing Tile<Double>, from start: Int) {
    for step in program.steps {
      var target: [Double] = []
      swap(&target, &registers[step.target])
      var row = target.mutableSpan
      perform(step.operation, block, tile, from: start, into: &row)
      swap(&target, &registers[step.target])
    }
  }

  /// Gives a body the values that a program was asked for, after ``run(_:of:from:)`` for the same
  /// block.
  ///
  /// - Parameters:
  ///   - index: the place of the value among those asked for.
  ///   - block: the block.
  ///   - tile: the inputs.
  ///   - body: given the values, as many as the block has elements.
  func withResult(
    _ index: Int, _ block: Range<Int>, of tile: borrowing Tile<Double>,
    _ body: (Span<Double>) -> Void
  ) {
    withElements(program.results[index], block, tile, body)
  }

  /// Gives a body the elements of an operand that is no constant.
  @inline(__always)
  private func withElements(
    _ operand: FormulaProgram.Operand, _ block: Range<Int>, _ tile: borrowing Tile<Double>,
    _ body: (Span<Double>) -> Void
  ) {
    switch operand {
    case .input(let row):
      body(tile[row].extracting(block))
    case .register(let register):
      let values = registers[register]
      body(values.span.extracting(0..<block.count))
    case .constant:
      preconditionFailure("a constant has no elements")
    }
  }

  private mutating func perform(
    _ operation: FormulaProgram.Operation, _ block: Range<Int>, _ tile: borrowing Tile<Double>,
    from start: Int, into row: inout MutableSpan<Double>
  ) {
    switch operation {
    case .unary(let unary, let x):
      withElements(x, block, tile) { x in Self.apply(unary, to: x, into: &row) }
    case .binary(let binary, .constant(let x), let y):
      withElements(y, block, tile) { y in Self.apply(binary, x, y, into: &row) }
    case .binary(let binary, let x, .constant(let y)):
      withElements(x, block, tile) { x in Self.apply(binary, x, y, into: &row) }
    case .binary(let binary, let x, let y):
      withElements(x, block, tile) { x in
        withElements(y, block, tile) { y in Self.apply(binary, x, y, into: &row) }
      }
    case .select(.constant(let holds), let x, let y):
      copy(holds != 0 ? x : y, block, tile, into: &row)
    case .select(let condition, let x, let y):
      copy(y, block, tile, into: &row)
      withElements(condition, block, tile) { mask in
        replace(x, where: mask, block, tile, into: &row)
      }
    case .random(let random):
      if bits.count < blockLength { bits = [UInt32](repeating: 0, count: blockLength) }
      var drawn = bits.mutableSpan
      random.fill(&drawn, from: start + block.lowerBound)
      for i in 0..<block.count { row[i] = Double(drawn[i]) * 0x1p-32 }
    }
  }

  private func replace(
    _ operand: FormulaProgram.Operand, where mask: Span<Double>, _ block: Range<Int>,
    _ tile: borrowing Tile<Double>, into row: inout MutableSpan<Double>
  ) {
    precondition(mask.count <= row.count)
    if case .constant(let value) = operand {
      for i in 0..<mask.count { row[i] = mask[i] != 0 ? value : row[i] }
      return
    }
    withElements(operand, block, tile) { values in
      precondition(values.count == mask.count)
      for i in 0..<mask.count { row[i] = mask[i] != 0 ? values[i] : row[i] }
    }
  }

  private func copy(
    _ operand: FormulaProgram.Operand, _ block: Range<Int>, _ tile: borrowing Tile<Double>,
    into row: inout MutableSpan<Double>
  ) {
    if case .constant(let value) = operand {
      precondition(block.count <= row.count)
      for i in 0..<block.count { row[i] = value }
      return
    }
    withElements(operand, block, tile) { values in
      precondition(values.count <= row.count)
      for i in 0..<values.count { row[i] = values[i] }
    }
  }
}

// MARK: - Loops

extension FormulaEvaluator {
  private static func apply(
    _ operation: FormulaUnary, to x: Span<Double>, into row: inout MutableSpan<Double>
  ) {
    switch operation {
    case .negative: map(x, &row) { FormulaUnary.negative($0) }
    case .not: map(x, &row) { FormulaUnary.not($0) }
    case .magnitude: map(x, &row) { FormulaUnary.magnitude($0) }
    case .sign: map(x, &row) { FormulaUnary.sign($0) }
    case .squareRoot: map(x, &row) { FormulaUnary.squareRoot($0) }
    case .exponential: map(x, &row) { FormulaUnary.exponential($0) }
    case .logarithm: map(x, &row) { FormulaUnary.logarithm($0) }
    case .sine: map(x, &row) { FormulaUnary.sine($0) }
    case .arccosine: map(x, &row) { FormulaUnary.arccosine($0) }
    }
  }

  private static func apply(
    _ operation: FormulaBinary, _ x: Double, _ y: Span<Double>,
    into row: inout MutableSpan<Double>
  ) {
    specialized(operation) { f in map(y, &row) { f(x, $0) } }
  }

  private static func apply(
    _ operation: FormulaBinary, _ x: Span<Double>, _ y: Double,
    into row: inout MutableSpan<Double>
  ) {
    specialized(operation) { f in map(x, &row) { f($0, y) } }
  }

  private static func apply(
    _ operation: FormulaBinary, _ x: Span<Double>, _ y: Span<Double>,
    into row: inout MutableSpan<Double>
  ) {
    specialized(operation) { f in zip(x, y, &row) { f($0, $1) } }
  }

  /// Calls a body with an operation that is known where it is compiled, so that the choice is made
  /// once for a block and not for each element.
  @inline(__always)
  private static func specialized(
    _ operation: FormulaBinary, _ body: ((Double, Double) -> Double) -> Void
  ) {
    switch operation {
    case .add: body { FormulaBinary.add($0, $1) }
    case .subtract: body { FormulaBinary.subtract($0, $1) }
    case .multiply, .and: body { FormulaBinary.multiply($0, $1) }
    case .divide: body { FormulaBinary.divide($0, $1) }
    case .power: body { FormulaBinary.power($0, $1) }
    case .less: body { FormulaBinary.less($0, $1) }
    case .lessOrEqual: body { FormulaBinary.lessOrEqual($0, $1) }
    case .equal: body { FormulaBinary.equal($0, $1) }
    case .unequal: body { FormulaBinary.unequal($0, $1) }
    case .minimum: body { FormulaBinary.minimum($0, $1) }
    case .maximum, .or: body { FormulaBinary.maximum($0, $1) }
    }
  }

  @inline(__always)
  private static func map(
    _ x: Span<Double>, _ row: inout MutableSpan<Double>, _ f: (Double) -> Double
  ) {
    precondition(x.count <= row.count)
    for i in 0..<x.count { row[i] = f(x[i]) }
  }

  @inline(__always)
  private static func zip(
    _ x: Span<Double>, _ y: Span<Double>, _ row: inout MutableSpan<Double>,
    _ f: (Double, Double) -> Double
  ) {
    precondition(x.count == y.count && x.count <= row.count)
    for i in 0..<x.count { row[i] = f(x[i], y[i]) }
  }
}
