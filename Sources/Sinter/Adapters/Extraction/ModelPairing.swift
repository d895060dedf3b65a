import Safetensors
import SinterTensors

/// Finds for each tensor of a fine-tuned model that of its base.
struct ModelPairing {
  let finetuned: Checkpoint
  let base: Checkpoint
  /// The pairs, in the order of the base; what only the fine-tuned model has comes last.
  private(set) var pairs: [TensorPair] = []
  private(set) var faults: [Diagnostic] = []
  private(set) var remarks: [Diagnostic] = []
  /// The output head of a fine-tuned model whose base uses its embedding instead.
  private(set) var untiedHead: String?
  /// The embedding that both models use as their output head.
  private(set) var tiedEmbedding: String?

  /// The names in the base of the fine-tuned model's tensors.
  private let names: [String: CheckpointTensor]

  init(finetuned: Checkpoint, base: Checkpoint) {
    self.finetuned = finetuned
    self.base = base
    let alignment = PrefixAlignment(
      of: finetuned.tensors.map { ($0.name, $0.shape) },
      to: base.tensors.map { ($0.name, $0.shape) }
    )
    var names: [String: CheckpointTensor] = [:]
    for tensor in finetuned.tensors {
      names[alignment?.renamed[tensor.name] ?? tensor.name] = tensor
    }
    self.names = names
  }

  /// Pairs all tensors.
  mutating func pair() {
    for (checkpoint, what) in [(finetuned, "the fine-tuned model"), (base, "the base")] {
      if !checkpoint.adapters.isEmpty {
        let names = checkpoint.adapters.map { "'\($0.name)'" }.joined(separator: ", ")
        faults.append(
          Diagnostic(
            file: checkpoint.path,
            "\(what) has adapters (\(names)) on it; only weights as they are stored can be "
              + "subtracted",
            hint: "write the model with its adapters first, or combine the adapters themselves"))
      }
      guard let method = checkpoint.configuration?.quantization else { continue }
      faults.append(
        Diagnostic(
          file: checkpoint.path,
          "\(what) is quantized (\(method)); its weights cannot be subtracted",
          hint: "name the model before it was quantized"))
    }
    let ownTie = Tie(finetuned)
    let baseTie = Tie(base)
    for tensor in base.tensors where !baseTie.ignores(tensor) {
      if let own = names[tensor.name], !(ownTie.ignores(own)) {
        add(tensor.name, own, tensor)
      } else if TensorRole(tensor.name) == .outputHead, let embedding = ownTie.embedding {
        add(tensor.name, embedding, tensor)
      } else if !Self.isBuffer(tensor.name) {
        faults.append(
          Diagnostic(
            file: finetuned.path,
            "tensor '\(tensor.name)' of the base is missing: an adapter cannot take it away",
            hint: "name the base that this model was fine-tuned from"))
      }
    }
    let known = Set(base.tensors.map(\.name))
    for (name, own) in names.sorted(by: { $0.value.name < $1.value.name })
    where !known.contains(name) && !ownTie.ignores(own) && !Self.isBuffer(name) {
      if TensorRole(name) == .outputHead, let embedding = baseTie.embedding {
        untiedHead = name
        add(name, own, embedding)
      } else {
        pairs.append(TensorPair(name: name, finetuned: stored(own, finetuned), base: nil))
        remarks.append(
          Diagnostic(
            .note, file: finetuned.path,
            "the base has no tensor '\(name)': its module is stored whole, and the adapter needs a "
              + "model that has it"))
      }
    }
    if ownTie.embedding != nil { tiedEmbedding = baseTie.embedding?.name }
  }

  private mutating func add(_ name: String, _ own: CheckpointTensor, _ other: CheckpointTensor) {
    let (left, right) = (own.shape.dimensions, other.shape.dimensions)
    let isVocabulary = TensorRole.isTokenEmbedding(name) || TensorRole(name) == .outputHead
    if left == right {
      guard own.dtype == other.dtype || own.dtype.isFloatingPoint && other.dtype.isFloatingPoint
      else {
        faults.append(
          Diagnostic(
            file: finetuned.path,
            "tensor '\(name)' is \(own.dtype.rawValue), in the base \(other.dtype.rawValue)",
            hint: "use models with the same kind of weights"))
        return
      }
      pairs.append(
        TensorPair(name: name, finetuned: stored(own, finetuned), base: stored(other, base)))
    } else if isVocabulary, left.count == 2, right.count == 2, left[1] == right[1] {
      pairs.append(TensorPair(name: name, finetuned: stored(own, finetuned), base: nil))
      remarks.append(
        Diagnostic(
          .warning, file: finetuned.path,
          "tensor '\(name)' has \(left[0]) rows, in the base \(right[0]): it is stored whole, and "
            + "the base has to be resized before the adapter is loaded",
          hint: "model.resize_token_embeddings(\(left[0]))"))
    } else {
      faults.append(
        Diagnostic(
          file: finetuned.path, "tensor '\(name)' is \(own.shape), in the base \(other.shape)",
          hint: "name the base that this model was fine-tuned from"))
    }
  }

  private func stored(_ tensor: CheckpointTensor, _ checkpoint: Checkpoint) -> StoredTensor {
    StoredTensor(file: checkpoint.files[tensor.file].input, tensor: tensor)
  }

  /// Whether a tensor is computed from the configuration, so that models need not store it.
  private static func isBuffer(_ name: String) -> Bool {
    ["inv_freq", "position_ids", "masked_bias"].contains { name.hasSuffix("." + $0) }
      || name.hasSuffix(".attn.bias") && !name.contains("c_attn")
  }
}

/// Whether a model uses its embedding as its output head.
private struct Tie {
  /// The embedding that is the output head too; `nil` for a model with a head of its own.
  let embedding: CheckpointTensor?
  private let head: CheckpointTensor?

  init(_ checkpoint: Checkpoint) {
    let outside = checkpoint.tensors.filter { TensorAddress($0.name).layer == nil }
    let table = outside.first { TensorRole.isTokenEmbedding($0.name) }
    let head = outside.first { TensorRole($0.name) == .outputHead && $0.shape == table?.shape }
    let isTied = checkpoint.configuration?.tiesWordEmbeddings ?? (head == nil)
    embedding = isTied ? table : nil
    self.head = isTied ? head : nil
  }

  /// Whether whoever loads the model takes the embedding instead of this tensor.
  func ignores(_ tensor: CheckpointTensor) -> Bool { tensor == head }
}
