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
}
