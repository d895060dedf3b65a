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
    var parts = HashedParts()
    parts.add("sinter plan 1")
    parts.add(plan.recipe.text)
    parts.add(String(plan.seed))
    for input in plan.inputs {
      parts.add(input.name)
      for tensor in input.checkpoint.tensors { parts.add(tensor) }
      for applied in input.checkpoint.adapters {
        parts.add("adapter \(applied.weight)")
        for module in applied.adapter.modules { parts.add("\(module.scale) \(module.kind)") }
        for tensor in applied.adapter.file.tensors {
          parts.add("\(tensor.name) \(tensor.dtype.rawValue) \(tensor.shape) \(tensor.dataOffsets)")
        }
      }
    }
    // Of most plans all tensors have the same parameters.
    var last: (parameters: GroupParameters, text: String)?
    for tensor in plan.tensors {
      parts.add(tensor)
      switch tensor.operation {
      case .copy(let reason): parts.add(reason.rawValue)
      case .merge(_, let group):
        let text =
          last?.parameters == group.parameters ? last?.text ?? "" : group.parameters.summary
        last = (group.parameters, text)
        parts.add(text)
      }
    }
    if let configuration = plan.configuration { parts.add(configuration) }
    text = parts.digest()
  }
}

/// Texts on their way into a digest, each with a zero behind it.
private struct HashedParts {
  private var hasher = SHA256()
  private var bytes: [UInt8] = []

  mutating func add(_ text: String) {
    bytes += text.utf8
    end()
  }

  /// `NAME DTYPE [EXTENT, ...] FILE OFFSET`
  mutating func add(_ tensor: CheckpointTensor) {
    bytes += tensor.name.utf8
    bytes.append(Self.space)
    bytes += tensor.dtype.rawValue.utf8
    bytes.append(Self.space)
    append(tensor.shape)
    bytes.append(Self.space)
    append(tensor.file)
    bytes.append(Self.space)
    append(tensor.bytes.lowerBound)
    end()
  }

  /// Name, type, shape and place in parts of their own, then a part for each source.
  mutating func add(_ tensor: PlannedTensor) {
    add(tensor.name)
    add(tensor.dtype.rawValue)
    append(tensor.shape)
    end()
    append(tensor.shard)
    bytes.append(Self.space)
    append(tensor.bytes.lowerBound)
    end()
    for source in tensor.sources {
      append(source.input)
      bytes.append(Self.space)
      bytes += source.tensor.name.utf8
      end()
    }
  }

  /// The digest in hexadecimal.
  mutating func digest() -> String {
    hasher.update(data: bytes)
    bytes = []
    return hasher.finalize().map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }

  private static let space = UInt8(ascii: " ")

  private mutating func end() {
    bytes.append(0)
    guard bytes.count >= 1 << 16 else { return }
    hasher.update(data: bytes)
    bytes.removeAll(keepingCapacity: true)
  }

  /// As ``Shape/description``.
  private mutating func append(_ shape: Shape) {
    bytes.append(UInt8(ascii: "["))
    for (axis, extent) in shape.dimensions.enumerated() {
      if axis > 0 { bytes += ", ".utf8 }
      append(extent)
    }
    bytes.append(UInt8(ascii: "]"))
  }

  /// The digits of a number that is not negative.
  private mutating func append(_ number: Int) {
    let start = bytes.count
    var rest = number
    repeat {
      bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
      rest /= 10
    } while rest > 0
    bytes[start...].reverse()
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
