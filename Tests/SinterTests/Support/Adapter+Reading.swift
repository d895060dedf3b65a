import Safetensors
import SinterTensors

@testable import Sinter

extension Adapter {
  /// The factors of a module; of experts, those of one.
  func factors(
    of module: AdapterModule, expert: Int = 0
  ) throws(SafetensorsError) -> LowRankFactors {
    try FactorReader(module, of: self).factors(of: expert)
  }

  /// All values of a tensor of the adapter.
  func values(of tensor: CheckpointTensor) throws(SafetensorsError) -> [Double] {
    try StoredTensor(file: file.input, tensor: tensor).numbers(as: Double.self)
  }
}
