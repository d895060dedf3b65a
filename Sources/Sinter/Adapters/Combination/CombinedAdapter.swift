import Safetensors
import SinterTensors

/// The adapter that came out of a combination: its tensors, and the files that tell of it.
struct CombinedAdapter {
  let plan: CombinationPlan
  /// The factors of each module, in the order of the plan.
  let factors: [ModuleFactors]

  private var modules: [(module: CombinedModule, factors: ModuleFactors)] {
    Array(zip(plan.modules, factors))
  }

  // MARK: Tensors

  /// The tensors of the weight file, in its order.
  var tensors: [AdapterWriter.Tensor] {
    modules.flatMap { tensors(of: $0, $1) }
      + plan.kept.map { kept in
        AdapterWriter.Tensor(
          AdapterWriter.Tensor.prefix + kept.storedName, kept.tensor.dtype, kept.tensor.shape,
          .stored(kept.file, kept.tensor))
      }
  }

  private func tensors(
    of module: CombinedModule, _ factors: ModuleFactors
  ) -> [AdapterWriter.Tensor] {
    FactorTensors(
      module: module.name, layout: layout(of: module), dtype: plan.dtype, factors: factors,
      inputs: module.inputs, outputs: module.outputs
    ).tensors
  }

  private func layout(of module: CombinedModule) -> FactorTensors.Layout {
    switch module.kind {
    case .embedding: return .embedding
    case .convolution:
      let dimensions = module.shape.dimensions
      return .convolution(channels: dimensions[1], kernel: Array(dimensions.dropFirst(2)))
    case .linear: return .linear
    case .parameter, .switchLinear:
      return .parameter(
        nesting: AdapterConfiguration.nesting(
          of: module.parameter,
          among: plan.modules.filter { $0.name == module.name }.map(\.parameter)))
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
      wholeModules: wholeModules, biases: plan.kept.biasMode,
      hasFactorBias: plan.modules.contains { $0.bias != nil },
      usesMagnitudes: plan.kept.contains { $0.role == .magnitude },
      tokenIndices: plan.kept.tokenIndices, isFanInFanOut: plan.origin.isFanInFanOut,
      keepsTies: plan.origin.keepsTies,
      baseModel: plan.origin.baseModel, taskType: plan.origin.taskType,
      knownTargets: plan.origin.targets
        ?? plan.modules.filter { $0.parameter == nil }.map(\.name).sorted(),
      knownParameters: plan.origin.parameters,
      laysOutExpertsOldWay: plan.origin.laysOutExpertsOldWay)
  }

  /// The modules that are stored whole, by the names that the adapters give them where these say.
  private var wholeModules: [String] {
    let known = plan.adapters.flatMap(\.configuration.modulesToSave)
    var names: [String] = []
    for kept in plan.kept where kept.role == .whole {
      let owner = ModuleName.owner(of: kept.target)
      let around = [owner] + ModuleName.ancestors(of: owner)
      let name = around.first { module in
        known.contains { module == $0 || module.hasSuffix("." + $0) }
      }
      if !names.contains(name ?? owner) { names.append(name ?? owner) }
    }
    return names
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
    let summary = summary(folder: "", bytesRead: 0, bytesWritten: 0, seconds: 0, remarks: [])
    let percent = (summary.relativeError * 10000).rounded() / 100
    let error =
      summary.relativeError < 1e-6
      ? "which are the combined update to rounding"
      : "which leave \(percent) % of the combined update (Frobenius norm)"
    let parts = zip(plan.adapters, plan.weights).map { adapter, weight in
      "- `\(PathText.lastComponent(adapter.path))`"
        + (weight.map { ", weight \(ParameterValue.number($0))" } ?? ", weights by module")
    }
    return """
      ---
      library_name: peft
      tags:
      - lora
      - sinter
      ---

      # \(title)

      This LoRA adapter was combined by Sinter \(SinterVersion.current) of \
      \(CountText.of(plan.adapters.count, "adapter")), with the method `\(plan.method)`:

      \(parts.joined(separator: "\n"))

      It has factors of rank \(summary.modules.rankText) for \
      \(CountText.of(factors.count, "module")), \(error). \
      `sinter_manifest.json` tells the rank and the error of every module.

      """
  }

  /// `sinter_manifest.json`: no time, no machine, no absolute path.
  private var manifest: JSONText {
    let options = plan.options
    let summary = summary(folder: "", bytesRead: 0, bytesWritten: 0, seconds: 0, remarks: [])
    let parts = zip(plan.adapters, plan.weights).map { adapter, weight in
      JSONText.object([
        ("name", .string(PathText.lastComponent(adapter.path))),
        ("weight", weight.map { .number($0) } ?? .null),
      ])
    }
    return .object([
      ("schema", "sinter/adapter-manifest"),
      ("schema_version", 1),
      ("sinter_version", .string(SinterVersion.current)),
      ("operation", "combine"),
      ("method", .string(plan.method)),
      ("adapters", .array(parts)),
      ("rank", options.rank.map { .number($0) } ?? .null),
      ("energy", options.energy.map { .number($0) } ?? .null),
      ("seed", .number(options.seed)),
      ("dtype", .string(plan.dtype.rawValue)),
      ("relative_error", .number(summary.relativeError)),
      ("modules", summary.modules.manifest),
      ("stored_whole", .array(summary.keptTensors.map { .string($0) })),
    ])
  }

  // MARK: Summary

  /// What is reported.
  func summary(
    folder: String, bytesRead: Int, bytesWritten: Int, seconds: Double, remarks: [Diagnostic]
  ) -> CombinationSummary {
    CombinationSummary(
      folder: folder, method: plan.method, adapters: plan.names,
      modules: modules.map { module, factors in
        FactoredModule(
          name: module.label, shape: module.shape, updates: module.parts.count { $0 != nil },
          factors)
      },
      keptTensors: plan.kept.filter { $0.role != .magnitude }.map(\.target), bytesRead: bytesRead,
      bytesWritten: bytesWritten,
      seconds: seconds, remarks: plan.remarks + remarks)
  }
}
