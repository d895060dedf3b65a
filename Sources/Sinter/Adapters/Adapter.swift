public import Safetensors
import SinterTensors

/// A LoRA adapter on disk: what it adds to the weights of a model.
///
/// Opening an adapter reads its configuration and the header of its file; factors are read when
/// they are asked for.
public struct Adapter: Sendable {
  /// The folder.
  public let path: String
  /// What the configuration says.
  public let configuration: AdapterConfiguration
  /// The file with the tensors.
  public let file: SafetensorsFile
  /// The low-rank updates, in the order of the file.
  public let modules: [AdapterModule]
  /// The tensors that take the place of the model's, in the order of the file.
  public let replacements: [AdapterReplacement]
  /// The rows of embeddings that take the place of the model's.
  public let tokenRows: [AdapterTokenRows]
  /// What is worth knowing about it.
  public let remarks: [Diagnostic]

  /// The number of tensors of a model that the adapter changes.
  public var updateCount: Int {
    modules.count + modules.count { $0.bias != nil } + replacements.count + tokenRows.count
  }

  /// Reads all values of one of its tensors.
  ///
  /// - Parameter tensor: a tensor of the adapter's file, of a floating-point type.
  /// - Returns: the values in row-major order, widened exactly.
  /// - Throws: `SafetensorsError` when the file cannot be read.
  func values(of tensor: CheckpointTensor) throws(SafetensorsError) -> [Double] {
    let count = tensor.shape.elementCount
    let source = StoredTensor(file: file.input, tensor: tensor)
    var bytes = ByteBuffer(byteCount: tensor.byteCount)
    do throws(SafetensorsError) {
      try source.readBytes(0..<tensor.byteCount, into: &bytes, at: 0)
    } catch {
      throw error.naming(tensor.name)
    }
    var values = [Double](repeating: 0, count: count)
    var row = values.mutableSpan
    Conversion.widen(bytes, from: tensor.dtype, count: count, into: &row)
    return values
  }

  /// Reads the factors of a module.
  ///
  /// - Parameters:
  ///   - module: a module of this adapter.
  ///   - expert: of a layer of experts, which one; 0 otherwise.
  /// - Returns: the factors, oriented alike whoever wrote the adapter.
  /// - Throws: `SafetensorsError` when the file cannot be read.
  func factors(
    of module: AdapterModule, expert: Int = 0
  ) throws(SafetensorsError) -> LowRankFactors {
    try FactorReader(module, of: self).factors(of: expert)
  }
}

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
