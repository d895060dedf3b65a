import Crypto
import Safetensors
import SinterTensors

/// A digest of all that decides the bytes of an output, so that two plans can be told apart.
///
/// It covers the recipe's text, the seed, the place, shape and type of every input tensor, and
/// every output tensor with its parameters; not the folders in which models lie, nor the time.
struct PlanHash {
  /// The SHA-256 digest in hexadecimal.
  let text: String

  init(_ plan: MergePlan) {
    var hasher = SHA256()
    func add(_ part: String) {
      hasher.update(data: Array(part.utf8))
      hasher.update(data: [0])
    }
    add("sinter plan 1")
    add(plan.recipe.text)
    add(String(plan.seed))
    for input in plan.inputs {
      add(input.name)
      for tensor in input.checkpoint.tensors { add(Self.describe(tensor)) }
      for applied in input.checkpoint.adapters {
        add("adapter \(applied.weight)")
        for module in applied.adapter.modules { add("\(module.scale) \(module.kind)") }
        for tensor in applied.adapter.file.tensors {
          add("\(tensor.name) \(tensor.dtype.rawValue) \(tensor.shape) \(tensor.dataOffsets)")
        }
      }
    }
    for tensor in plan.tensors {
      add(tensor.name)
      add(tensor.dtype.rawValue)
      add(tensor.shape.description)
      add("\(tensor.shard) \(tensor.bytes.lowerBound)")
      for source in tensor.sources { add("\(source.input) \(source.tensor.name)") }
      switch tensor.operation {
      case .copy(let reason): add(reason.rawValue)
      case .merge(_, let group): add(group.parameters.summary)
      }
    }
    if let configuration = plan.configuration { add(configuration) }
    text = hasher.finalize().map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }

  private static func describe(_ tensor: CheckpointTensor) -> String {
    "\(tensor.name) \(tensor.dtype.rawValue) \(tensor.shape) \(tensor.file) "
      + "\(tensor.bytes.lowerBound)"
  }
}

extension GroupParameters {
  /// The parameters in one line, in a fixed order: those of the tensor, then those of each input.
  var summary: String {
    ([tensor] + inputs).map { values in
      values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }.joined(separator: " | ")
  }
}

extension MergePlan {
  /// A digest of all that decides the bytes of the output: SHA-256 in hexadecimal.
  ///
  /// It covers the recipe's text, the seed, the name, place, shape and type of every input tensor,
  /// and every output tensor with its parameters; not the folders in which models lie, nor the
  /// values of their weights.
  public var digest: String { PlanHash(self).text }
}
