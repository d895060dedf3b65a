import Foundation
import Safetensors
import SinterTensors

/// The adapter that came out of an extraction: its tensors, and the files that tell of it.
struct ExtractedAdapter {
  /// The modules with factors, in the order of the base.
  let modules: [(difference: ModuleDifference, factors: ModuleFactors)]
  private let plan: ExtractionPlan
  private let changed: ChangedModules
  private let biases: [(module: ModuleDifference, bias: TensorPair)]

  init(
    _ plan: ExtractionPlan, _ changed: ChangedModules, _ factors: [ModuleFactors?]
  ) {
    self.plan = plan
    self.changed = changed
    let found = zip(changed.factored, factors).compactMap { module, factors in
      factors.map { (difference: module, factors: $0) }
    }
    modules = found
    let names = Set(found.map(\.difference.name))
    biases = changed.biases.filter { names.contains($0.module.name) }
  }

  // MARK: Tensors

  /// The tensors of the weight file, in its order.
  var tensors: [AdapterWriter.Tensor] {
    let prefix = AdapterWriter.Tensor.prefix
    var all = modules.flatMap { module, factors in self.tensors(of: module, factors) }
    for (module, bias) in biases {
      all.append(copy(bias, as: "\(prefix)\(module.adapterName).base_layer.bias"))
    }
    for (name, tensors) in changed.whole {
      // The prefix that the library gives names is that of the module, for all in it.
      let own = ModuleName.owner(of: tensors.first?.name ?? "")
      let added = name.hasSuffix(own) ? String(name.dropLast(own.count)) : ""
      for tensor in tensors { all.append(copy(tensor, as: prefix + added + tensor.name)) }
    }
    // PEFT looks for both ends of a tied pair.
    if let tied = tiedPair, !all.contains(where: { $0.name == prefix + tied.head + ".weight" }) {
      all.append(copy(tied.embedding, as: prefix + tied.head + ".weight"))
    }
    return all
  }

  /// The embedding that both models use as their output head and that is stored whole, and the
  /// module of that head.
  private var tiedPair: (embedding: TensorPair, head: String)? {
    guard let name = plan.tiedEmbedding, let pair = TiedPair(plan.base) else { return nil }
    let embedding = changed.whole.lazy.flatMap(\.tensors).first { $0.name == name }
    return embedding.map { ($0, ModuleName.owner(of: pair.headName)) }
  }

  /// Whether PEFT knows the embedding as one that may be tied.
  private var keepsTies: Bool {
    tiedPair.map { ModuleName.owner(of: $0.embedding.name).hasSuffix("embed_tokens") } ?? false
  }

  /// The modules that are stored whole; of a tied pair that PEFT does not know both.
  private var wholeModules: [String] {
    let names = changed.whole.map(\.name)
    guard let tied = tiedPair, !keepsTies, !names.contains(tied.head) else { return names }
    return names + [tied.head]
  }

  private func copy(_ pair: TensorPair, as name: String) -> AdapterWriter.Tensor {
    let tensor = pair.finetuned.tensor
    return AdapterWriter.Tensor(
      name, tensor.dtype, tensor.shape, .stored(pair.finetuned.file, tensor))
  }

  private func tensors(
    of module: ModuleDifference, _ factors: ModuleFactors
  ) -> [AdapterWriter.Tensor] {
    FactorTensors(
      module: module.adapterName, layout: layout(of: module), dtype: plan.options.dtype,
      factors: factors, inputs: module.inputs, outputs: module.outputs
    ).tensors
  }

  private func layout(of module: ModuleDifference) -> FactorTensors.Layout {
    switch module.form {
    case .embedding: return .embedding
    case .convolution:
      let dimensions = module.weight?.finetuned.shape.dimensions ?? []
      return .convolution(channels: dimensions[1], kernel: Array(dimensions.dropFirst(2)))
    case .experts:
      return .parameter(
        nesting: AdapterConfiguration.nesting(
          of: module.parameter,
          among: modules.map(\.difference).filter { $0.name == module.name }.map(\.parameter)))
    case .linear, .transposed, nil: return .linear
    }
  }

  // MARK: Files

  /// What `adapter_config.json` says.
  var description: AdapterDescription {
    AdapterDescription(
      modules: modules.map { module, factors in
        AdapterDescription.Module(
          name: module.label, rank: factors.rank, alpha: Double(factors.rank),
          isParameter: module.parameter != nil)
      },
      wholeModules: wholeModules, modelModules: plan.modules.map(\.adapterName),
      biases: biases.isEmpty ? .none : .targets,
      isFanInFanOut: modules.contains { $0.difference.form == .transposed },
      keepsTies: keepsTies, baseModel: plan.base.path,
      taskType: plan.base.configuration?.taskOfPEFT)
  }

  /// The files beside the weights.
  func files(title: String) -> [(name: String, bytes: [UInt8])] {
    [
      ("adapter_config.json", description.encoded()),
      ("README.md", Array(card(title: title).utf8)),
      ("sinter_manifest.json", manifest.encoded(.pretty) + [0x0A]),
    ]
  }

  private func card(title: String) -> String {
    let percent = (summary.relativeError * 10000).rounded() / 100
    return """
      ---
      library_name: peft
      tags:
      - lora
      - sinter
      ---

      # \(title)

      This LoRA adapter was extracted by Sinter \(SinterVersion.current): it is what a fine-tuned \
      model adds to its base.

      - base: `\(PathText.lastComponent(plan.base.path))`
      - fine-tuned model: `\(PathText.lastComponent(plan.finetuned.path))`
      - modules with factors: \(modules.count), rank \(summary.modules.rankText)
      - modules stored whole: \(changed.whole.count)
      - modules that differ and were left out: \(changed.leftOut.count)
      - error of the factors: \(percent) % of the difference (Frobenius norm)

      `sinter_manifest.json` tells the rank and the error of every module.

      """
  }

  /// `sinter_manifest.json`: no time, no machine, no absolute path.
  private var manifest: JSONText {
    let options = plan.options
    return .object([
      ("schema", "sinter/adapter-manifest"),
      ("schema_version", 1),
      ("sinter_version", .string(SinterVersion.current)),
      ("operation", "extract"),
      ("finetuned", .string(PathText.lastComponent(plan.finetuned.path))),
      ("base", .string(PathText.lastComponent(plan.base.path))),
      ("rank", options.rank.map { .number($0) } ?? .null),
      ("energy", options.energy.map { .number($0) } ?? .null),
      ("seed", .number(options.seed)),
      ("dtype", .string(options.dtype.rawValue)),
      ("relative_error", .number(summary.relativeError)),
      ("modules", summary.modules.manifest),
      ("stored_whole", .array(summary.wholeModules.map { .string($0) })),
      ("biases", .array(summary.biases.map { .string($0) })),
      ("left_out", .array(summary.leftOut.map { .string($0) })),
    ])
  }

  // MARK: Summary

  private var summary: ExtractionSummary {
    summary(folder: "", bytesRead: 0, bytesWritten: 0, seconds: 0, remarks: [])
  }

  /// What is reported.
  func summary(
    folder: String, bytesRead: Int, bytesWritten: Int, seconds: Double, remarks: [Diagnostic]
  ) -> ExtractionSummary {
    var remarks = plan.remarks + remarks
    if let head = plan.untiedHead,
      modules.contains(where: { $0.difference.name + ".weight" == head })
    {
      remarks.append(
        Diagnostic(
          .note,
          "the base uses its embedding as its output head, the fine-tuned model has '\(head)': the "
            + "adapter has factors for each, and merging it into the base has to untie them"))
    }
    if let tied = tiedPair {
      remarks.append(
        Diagnostic(
          .note,
          "both models use '\(tied.embedding.name)' as their output head too: it is stored whole, for "
            + "both uses, because PEFT adds the factors of a tied tensor twice when it merges them",
          hint: "--exclude leaves it out"))
    }
    return ExtractionSummary(
      folder: folder,
      modules: modules.map { module, factors in
        FactoredModule(
          name: module.label, shape: module.weight?.finetuned.shape ?? [], factors)
      },
      wholeModules: wholeModules, biases: biases.map(\.bias.name),
      leftOut: changed.leftOut,
      unchanged: changed.unchanged + changed.factored.count - modules.count,
      bytesRead: bytesRead, bytesWritten: bytesWritten, seconds: seconds, remarks: remarks)
  }
}

extension ModelConfiguration {
  /// What PEFT calls the kind of model; `nil` for one that it has no name for.
  var taskOfPEFT: String? {
    guard let architecture else { return nil }
    if architecture.hasSuffix("ForCausalLM") || architecture.hasSuffix("LMHeadModel") {
      return "CAUSAL_LM"
    }
    if architecture.hasSuffix("ForSequenceClassification") { return "SEQ_CLS" }
    if architecture.hasSuffix("ForTokenClassification") { return "TOKEN_CLS" }
    if architecture.hasSuffix("ForQuestionAnswering") { return "QUESTION_ANS" }
    let isTextToText = ["t5", "mt5", "umt5", "bart", "mbart", "pegasus", "led", "marian"]
      .contains(modelType ?? "")
    return isTextToText && architecture.hasSuffix("ForConditionalGeneration")
      ? "SEQ_2_SEQ_LM" : nil
  }
}
