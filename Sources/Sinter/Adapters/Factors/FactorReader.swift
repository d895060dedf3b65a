import Safetensors
import SinterTensors

/// The two factors of an update: scale · B · A, in row-major order.
struct LowRankFactors: Sendable, Hashable {
  /// The rank.
  let rank: Int
  /// The columns of A.
  let inputs: Int
  /// The rows of B.
  let outputs: Int
  /// rank x inputs.
  let a: [Double]
  /// outputs x rank.
  let b: [Double]
}

/// Reads the factors of a module: one pair, or that of one expert after another.
struct FactorReader: Sendable {
  private let module: AdapterModule
  private let file: InputFile
  /// B of all experts, one after another, where their columns alternate in the file: there each of
  /// them lies all over it.
  private let gathered: Gathered?

  /// Numbers are kept in `Float` when that holds them exactly: it takes half the memory.
  private enum Gathered: Sendable {
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
      gathered = nil
      return
    }
    let b = FactorPart.ofB(module, 0..<module.experts, 0..<module.outputs)
    gathered =
      module.factorWidth == MemoryLayout<Float>.stride
      ? .single(try b.numbers(Self.orderOfB, from: file, as: Float.self))
      : .double(try b.numbers(Self.orderOfB, from: file, as: Double.self))
  }

  private static let orderOfB: [FactorPart.Axis] = [.expert, .side, .rank]

  /// Reads the factors.
  ///
  /// - Parameter expert: of a layer of experts, which one; 0 otherwise.
  /// - Returns: the factors, oriented alike whoever wrote the adapter.
  /// - Throws: `SafetensorsError` when the file cannot be read.
  func factors(of expert: Int) throws(SafetensorsError) -> LowRankFactors {
    let (rank, inputs, outputs) = (module.rank, module.inputs, module.outputs)
    let own = expert..<expert + 1
    let a = try FactorPart.ofA(module, own, 0..<inputs).numbers(
      [.expert, .rank, .side], from: file, as: Double.self)
    let place = expert * outputs * rank..<(expert + 1) * outputs * rank
    let b =
      switch gathered {
      case .single(let all): all[place].map { Double($0) }
      case .double(let all): Array(all[place])
      case nil:
        try FactorPart.ofB(module, own, 0..<outputs).numbers(
          Self.orderOfB, from: file, as: Double.self)
      }
    return LowRankFactors(rank: rank, inputs: inputs, outputs: outputs, a: a, b: b)
  }
}

extension AdapterModule {
  /// The bytes of a number of a factor in memory: factors are kept as `Float` when that holds
  /// them exactly.
  var factorWidth: Int {
    a.dtype == .float64 || b.dtype == .float64
      ? MemoryLayout<Double>.stride : MemoryLayout<Float>.stride
  }

  /// The bytes that a ``FactorReader`` takes beside the factors of one expert.
  var byteCountOfReading: Int {
    alternates ? b.shape.elementCount * factorWidth : 0
  }
}
