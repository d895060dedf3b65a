import Safetensors
import SinterTensors

/// The embedding and the output head of a model that uses one tensor for both.
struct TiedPair {
  /// The embedding.
  let embedding: CheckpointTensor
  /// The output head, when the file stores it too; what loads the model takes the embedding.
  let head: CheckpointTensor?

  /// Finds the pair; `nil` when the model has no embedding, or a head of its own.
  init?(_ checkpoint: Checkpoint) {
    let outside = checkpoint.tensors.filter { TensorAddress($0.name).layer == nil }
    guard let embedding = outside.first(where: { TensorRole.isTokenEmbedding($0.name) }) else {
      return nil
    }
    let head = outside.first {
      TensorRole($0.name) == .outputHead && $0.shape == embedding.shape
    }
    let says = checkpoint.configuration?.tiesWordEmbeddings
    // Some families are tied unless their configuration says otherwise; a model without a head that
    // does not speak of it may also be one that needs none.
    let isLanguageModel =
      checkpoint.configuration?.architecture.map { name in
        ["ForCausalLM", "LMHeadModel", "ForConditionalGeneration"].contains { name.hasSuffix($0) }
      } ?? false
    guard says ?? (head == nil && isLanguageModel) else { return nil }
    self.embedding = embedding
    self.head = head
  }

  /// The name that the head has when it is stored.
  var headName: String {
    if let head { return head.name }
    let name = embedding.name
    if name.hasSuffix("embed_in.weight") { return "embed_out.weight" }
    let ending = "model.embed_tokens.weight"
    // `model.language_model.embed_tokens` stands inside the text part, the head beside it.
    guard name.hasSuffix("." + ending) else { return "lm_head.weight" }
    return name.dropLast(ending.count) + "lm_head.weight"
  }
}

/// What becomes of the tensors of a tied pair.
struct TiedPairOutcome {
  /// What is done to each stored tensor.
  var parts: [String: [TensorUpdate.Part]]
  /// The head, when the file does not store it and the output does.
  var newHead: CheckpointTensor?
  /// What is done to it.
  var newHeadParts: [TensorUpdate.Part] = []
  /// The configuration, when it has to change.
  var configuration: ModelConfiguration?
  var remarks: [Diagnostic] = []
}

extension AdapterApplication {
  /// Decides what becomes of a tied pair when adapters change one end of it.
  func resolvedPair(_ policy: TiedPairPolicy) throws(DiagnosticError) -> TiedPairOutcome {
    var outcome = TiedPairOutcome(parts: parts)
    guard let pair else { return outcome }
    let own = parts[pair.embedding.name] ?? []
    let allOfHead = pair.head.map { parts[$0.name] ?? [] } ?? headParts
    let shared = own.filter { isShared($0, allOfHead) }
    let head = allOfHead.filter { part in !shared.contains { $0.adapter == part.adapter } }
    let isOneEnded = own.count > shared.count || !head.isEmpty
    guard isOneEnded, try !isSame(own, head) else {
      if let stored = pair.head, !own.isEmpty { outcome.parts[stored.name] = own }
      return outcome
    }
    guard policy == .untie else {
      throw DiagnosticError([refusal(changesEmbedding: own.count > shared.count, !head.isEmpty)])
    }
    if let stored = pair.head {
      outcome.parts[stored.name] = head + shared
    } else {
      outcome.newHead = CheckpointTensor(
        name: pair.headName, dtype: pair.embedding.dtype, shape: pair.embedding.shape,
        file: pair.embedding.file, bytes: pair.embedding.bytes)
      outcome.newHeadParts = head + shared
    }
    outcome.configuration = try base.configuration?.settingUntied()
    outcome.remarks.append(
      Diagnostic(
        .note,
        "the output head of '\(name)' is not tied to its embedding any more: '\(pair.headName)' is "
          + "a tensor of its own, and the configuration says so"))
    return outcome
  }

  /// Whether what an adapter does to the embedding is meant for the head too.
  private func isShared(_ part: TensorUpdate.Part, _ head: [TensorUpdate.Part]) -> Bool {
    if applied[part.adapter].adapter.configuration.keepsTies { return true }
    // A table of another size can only be that of both.
    if let own = part.replacement, own.shape != pair?.embedding.shape, head.isEmpty { return true }
    // PEFT trains the rows of tokens in both uses, unless they are stored for each.
    return part.rows != nil && !head.contains { $0.adapter == part.adapter }
  }

  /// Whether both ends are replaced by the same values.
  private func isSame(
    _ own: [TensorUpdate.Part], _ head: [TensorUpdate.Part]
  ) throws(DiagnosticError) -> Bool {
    guard own.count == 1, head.count == 1, own[0].adapter == head[0].adapter,
      own[0].products.isEmpty, head[0].products.isEmpty, let first = own[0].replacement,
      let second = head[0].replacement, first.dtype == second.dtype, first.shape == second.shape
    else { return false }
    do throws(SafetensorsError) {
      let step = 1 << 20
      for start in stride(from: 0, to: first.byteCount, by: step) {
        let count = min(step, first.byteCount - start)
        let left = first.bytes.lowerBound + start
        let right = second.bytes.lowerBound + start
        guard
          try own[0].file.bytes(in: left..<left + count)
            == head[0].file.bytes(in: right..<right + count)
        else { return false }
      }
    } catch {
      throw DiagnosticError(error)
    }
    return true
  }

  private func refusal(changesEmbedding: Bool, _ changesHead: Bool) -> Diagnostic {
    let what =
      switch (changesEmbedding, changesHead) {
      case (true, true): "change both in different ways"
      case (true, false): "change the embedding only"
      default: "change the output head only"
      }
    return Diagnostic(
      .error,
      "the model '\(name)' uses '\(pair?.embedding.name ?? "")' as its embedding and as its output "
        + "head, and its adapters \(what)",
      hint: "--untie writes both tensors, and a configuration that says that they are not tied")
  }
}
