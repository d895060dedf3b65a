import Safetensors
import SinterTensors

/// The same tensor of two models, or one that only the first has.
struct TensorPair: Sendable {
  /// The name in the base, which is that of the adapter but for a prefix.
  let name: String
  /// The tensor of the fine-tuned model.
  let finetuned: StoredTensor
  /// The tensor of the base; `nil` when it has none, or one of another shape.
  let base: StoredTensor?

  /// The last part of the name, such as `weight`.
  var part: String { ModuleName.lastPart(of: name) }
}

/// A module of two models, and how its difference can be stored.
struct ModuleDifference: Sendable {
  /// How a weight that becomes two factors lies in memory.
  enum Form: Sendable, Hashable {
    /// Outputs x inputs.
    case linear
    /// Inputs x outputs, as GPT-2 has it.
    case transposed
    /// A table of embeddings: entries x features.
    case embedding
    /// Outputs x channels x kernel.
    case convolution
    /// Experts x outputs x inputs, or experts x inputs x outputs.
    case experts(isTransposed: Bool)

    /// Whether inputs are the rows of a matrix.
    var isTransposed: Bool {
      switch self {
      case .transposed, .embedding, .experts(isTransposed: true): true
      case .linear, .convolution, .experts(isTransposed: false): false
      }
    }
  }

  /// The name in the base.
  let name: String
  /// The name in the adapter: that by which PEFT finds the module.
  let adapterName: String
  /// The parameter that becomes factors, of a module that keeps the packed weights of experts; there
  /// is one of these for each, and one for the rest of the module's tensors.
  var parameter: String?
  /// The module's own tensors, or those that this is for.
  let tensors: [TensorPair]
  /// How its weight becomes factors; `nil` for a module that can only be stored whole.
  let form: Form?
  /// Whether the options leave it out.
  let isLeftOut: Bool

  /// The weight.
  var weight: TensorPair? { tensors.first { $0.part == parameter ?? "weight" } }

  /// The name in reports: of a parameter its own.
  var label: String { parameter.map { adapterName + "." + $0 } ?? adapterName }

  /// The number of matrices of the weight: of experts, or 1.
  var experts: Int {
    guard case .experts = form else { return 1 }
    return weight?.finetuned.shape.dimensions.first ?? 1
  }

  /// A matrix of the weight: rows and columns.
  var extents: (rows: Int, columns: Int) {
    var dimensions = (weight?.finetuned.shape.dimensions ?? [])[...]
    if case .experts = form { dimensions = dimensions.dropFirst() }
    guard let rows = dimensions.first else { return (0, 0) }
    return (rows, dimensions.dropFirst().reduce(1, *))
  }

  /// How much work it is: the elements of all matrices.
  var size: Int { experts * extents.rows * extents.columns }

  /// The columns of A.
  var inputs: Int { form?.isTransposed == true ? extents.rows : extents.columns }
  /// The rows of B.
  var outputs: Int { form?.isTransposed == true ? extents.columns : extents.rows }
}

/// The difference of two stored tensors, each taken as a matrix or as a stack of them: exact numbers,
/// subtracted in `Double` and rounded once to `Float`.
struct DifferenceStream: RowStream {
  let finetuned: StoredTensor
  let base: StoredTensor
  let rows: Int
  let columns: Int
  /// Which matrix of a stack it is.
  let expert: Int
  /// Counts the bytes that are read.
  let progress: ProgressCounter
  /// Tells whether to stop.
  let stop: StopFlag

  /// How many elements are read at a time.
  private static let chunk = 1 << 15

  func forEachBlock(threads: Int, _ body: (Int, Matrix<Float>) -> Void) throws {
    for start in stride(from: 0, to: rows, by: blockRows) {
      body(start, try block(start..<min(start + blockRows, rows)))
    }
  }

  /// All of it.
  func matrix() throws -> Matrix<Float> { try block(0..<rows) }

  private func block(_ range: Range<Int>) throws -> Matrix<Float> {
    var result = Matrix<Float>(rows: range.count, columns: columns)
    let count = range.count * columns
    let first = (expert * rows + range.lowerBound) * columns
    let length = min(Self.chunk, count)
    var bytes = ByteBuffer(byteCount: length * 8)
    var numbers = Tile<Double>(rows: 2, capacity: length)
    for start in stride(from: 0, to: count, by: Self.chunk) {
      try stop.check()
      let length = min(Self.chunk, count - start)
      numbers.resize(rows: 2, count: length)
      let elements = first + start..<first + start + length
      for (row, source) in [finetuned, base].enumerated() {
        try source.read(elements, into: &bytes, at: 0)
        var values = numbers.mutableRow(row)
        source.fill(elements, from: bytes, at: 0, of: elements, into: &values)
        progress.add(bytesRead: source.byteCount(of: length), bytesWritten: 0)
      }
      let (own, other) = (numbers[0], numbers[1])
      var target = result.mutableElements
      for i in 0..<length { target[start + i] = Float(own[i] - other[i]) }
    }
    return result
  }
}

extension TensorPair {
  /// Whether the two tensors hold different values; a tensor without another differs.
  ///
  /// Bytes are compared where the types agree, otherwise values.
  func differs(progress: ProgressCounter, stop: StopFlag) throws -> Bool {
    guard let base else { return true }
    let count = finetuned.shape.elementCount
    let chunk = 1 << 15
    var left = ByteBuffer(byteCount: chunk * 8)
    var right = ByteBuffer(byteCount: chunk * 8)
    for start in stride(from: 0, to: count, by: chunk) {
      try stop.check()
      let elements = start..<min(start + chunk, count)
      try finetuned.read(elements, into: &left, at: 0)
      try base.read(elements, into: &right, at: 0)
      let size = finetuned.byteCount(of: elements.count)
      progress.add(bytesRead: size + base.byteCount(of: elements.count), bytesWritten: 0)
      let isSame =
        finetuned.dtype == base.dtype
        ? Self.areEqual(
          left.elements(as: UInt8.self, count: size), right.elements(as: UInt8.self, count: size))
        : areEqual(left, right, elements)
      if !isSame { return true }
    }
    return false
  }

  private static func areEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    var difference: UInt8 = 0
    for i in 0..<left.count { difference |= left[i] ^ right[i] }
    return difference == 0
  }

  private func areEqual(
    _ left: borrowing ByteBuffer, _ right: borrowing ByteBuffer, _ elements: Range<Int>
  ) -> Bool {
    guard let base else { return false }
    var rows = Tile<Double>(rows: 2, capacity: elements.count)
    var row = rows.mutableRow(0)
    finetuned.fill(elements, from: left, at: 0, of: elements, into: &row)
    row = rows.mutableRow(1)
    base.fill(elements, from: right, at: 0, of: elements, into: &row)
    let (own, other) = (rows[0], rows[1])
    for i in 0..<elements.count where own[i] != other[i] { return false }
    return true
  }
}
