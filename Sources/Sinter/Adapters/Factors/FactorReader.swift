import Safetensors
import SinterTensors

/// Reads the factors of a module: one pair, or that of one expert after another.
struct FactorReader: Sendable {
  private let module: AdapterModule
  private let file: InputFile
  /// B, where the columns of the experts alternate in it: each of them lies all over the file.
  private let alternating: Alternating?

  /// Numbers are kept in `Float` when that holds them exactly: it takes half the memory.
  private enum Alternating: Sendable {
    case single([Float])
    case double([Double])
  }

  /// Prepares reading.
  ///
  /// - Parameters:
  ///   - module: a module of the adapter.
  ///   - adapter: the adapter.
  /// - Throws: `SafetensorsError` when the file cannot be read.
  init(_ module: AdapterModule, of adapter: Adapter) throws(SafetensorsError) {
    self.module = module
    file = adapter.file.input
    guard module.alternates else {
      alternating = nil
      return
    }
    let b = StoredTensor(file: file, tensor: module.b)
    alternating =
      module.b.dtype == .float64
      ? .double(try b.numbers(as: Double.self)) : .single(try b.numbers(as: Float.self))
  }

  /// Reads the factors.
  ///
  /// - Parameter expert: of a layer of experts, which one; 0 otherwise.
  /// - Returns: the factors, oriented alike whoever wrote the adapter.
  /// - Throws: `SafetensorsError` when the file cannot be read.
  func factors(of expert: Int) throws(SafetensorsError) -> LowRankFactors {
    let (rank, inputs, outputs) = (module.rank, module.inputs, module.outputs)
    let a = try slice(module.a, expert, rank * inputs)
    let b =
      if let alternating {
        gathered(alternating, expert)
      } else {
        try slice(module.b, expert, outputs * rank)
      }
    let isTurned = module.isTurned
    return LowRankFactors(
      rank: rank, inputs: inputs, outputs: outputs,
      a: isTurned ? Self.transposed(a, rows: rank) : a,
      b: isTurned ? Self.transposed(b, rows: outputs) : b)
  }

  /// The numbers of one expert, which lie one after another.
  private func slice(
    _ tensor: CheckpointTensor, _ expert: Int, _ count: Int
  ) throws(SafetensorsError) -> [Double] {
    try StoredTensor(file: file, tensor: tensor).numbers(
      expert * count..<(expert + 1) * count, as: Double.self)
  }

  /// The columns of one expert.
  private func gathered(_ all: Alternating, _ expert: Int) -> [Double] {
    switch all {
    case .single(let numbers): gathered(numbers, expert)
    case .double(let numbers): gathered(numbers, expert)
    }
  }

  private func gathered<Number: BinaryFloatingPoint>(
    _ numbers: [Number], _ expert: Int
  ) -> [Double] {
    let experts = module.experts
    return (0..<module.outputs * module.rank).map { Double(numbers[$0 * experts + expert]) }
  }

  /// What is stored with the given number of columns, as so many rows.
  private static func transposed(_ stored: [Double], rows: Int) -> [Double] {
    let columns = stored.count / rows
    return (0..<rows).flatMap { row in (0..<columns).map { stored[$0 * rows + row] } }
  }
}

extension AdapterModule {
  /// Whether the factors are stored as their transposes, as MLX has them but for experts.
  var isTurned: Bool { format == .mlx && kind != .switchLinear }

  /// Whether B holds a column of each expert, then the next of each, as PEFT stores it.
  var alternates: Bool {
    if case .parameter = kind { experts > 1 } else { false }
  }

  /// The bytes that reading takes beside the factors of one expert.
  var byteCountOfReading: Int {
    alternates
      ? b.shape.elementCount
        * (b.dtype == .float64 ? MemoryLayout<Double>.stride : MemoryLayout<Float>.stride) : 0
  }
}
