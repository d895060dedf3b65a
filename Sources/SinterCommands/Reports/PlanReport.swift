import Safetensors
import Sinter
import SinterTensors

/// A plan as people read it.
struct PlanReport {
  private let plan: MergePlan
  private let budget: ExecutionBudget
  private let listsAll: Bool
  private let parameters: ParameterSummary

  /// Prepares a report.
  ///
  /// - Parameters:
  ///   - plan: the plan.
  ///   - budget: with how much memory it is executed.
  ///   - listsAll: whether each tensor has a line of its own.
  init(_ plan: MergePlan, budget: ExecutionBudget, listsAll: Bool) {
    self.plan = plan
    self.budget = budget
    self.listsAll = listsAll
    parameters = ParameterSummary(plan)
  }

  /// The text, no line feed at the end.
  var text: String {
    var sections = [header, models, adapters, tensors, excluded, totals]
    sections.append(
      plan.remarks.map { PrintableText($0.description, keepsLines: true).description })
    return sections.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }
      .joined(separator: "\n\n")
  }

  private var header: [String] {
    var lines = ["\(plan.method.name): \(plan.method.summary)"]
    var facts = parameters.common.map { "\($0.name) \(ParameterSummary.text(of: $0.value))" }
    facts.append("seed \(plan.seed)")
    lines.append("  " + facts.joined(separator: ", "))
    return lines
  }

  private var models: [String] {
    var table = TextTable()
    for (place, input) in plan.inputs.enumerated() {
      let summary = CheckpointSummary(input.checkpoint)
      table.add([
        input.name, input.isBase ? "base" : "model",
        "\(CountText(input.checkpoint.parameterCount)) parameters",
        summary.dtypes.map(\.dtype.rawValue).joined(separator: ", "), summary.architecture ?? "",
        place == plan.donor ? "gives names and configuration" : "",
      ])
    }
    return ["models"] + table.lines()
  }

  private var adapters: [String] {
    var table = TextTable()
    for outcome in plan.adapterOutcomes {
      let input = plan.inputs[outcome.input]
      for (place, applied) in input.checkpoint.adapters.enumerated() {
        table.add([
          place == 0 ? input.reference.path : "", applied.name,
          "weight \(ParameterSummary.text(of: .number(applied.weight)))",
          "rank \(applied.adapter.configuration.rank)",
          CountText.of(applied.updates.count, "update"),
          place == 0 ? "\(outcome.applied) of \(outcome.updates) applied" : "",
        ])
      }
    }
    return plan.adapterOutcomes.isEmpty ? [] : ["adapters"] + table.lines()
  }

  private var tensors: [String] {
    var table = TextTable()
    for group in TensorGroup.groups(of: plan, drawsTogether: !listsAll) {
      guard let first = group.members.first else { continue }
      table.add(
        [
          group.name, "x\(group.members.count)", first.shape.description, first.dtype.rawValue,
          operation(of: group, first),
        ] + parameters.texts(of: group))
    }
    return ["tensors"] + table.lines()
  }

  private func operation(of group: TensorGroup, _ first: PlannedTensor) -> String {
    let layers = first.sources.indices.map { place in sourceLayers(of: group, at: place) }
    let names = zip(first.sources, layers).map { source, layers in
      plan.inputs[source.input].name + (layers.map { " " + $0 } ?? "")
    }
    switch first.operation {
    case .copy(let reason):
      let source = names.first.map { " from \($0)" } ?? ""
      // That a method takes tensors as they are is the method's own summary.
      let verb = first.sources.first?.tensor.isUpdated == true ? "updated" : "copied"
      return "\(verb)\(source)" + (reason == .method ? "" : ": \(reason.rawValue)")
    case .merge:
      let isOfAll = Set(first.sources.map(\.input)).count == plan.inputs.count
      let isPlain = isOfAll && layers.allSatisfy { $0 == nil }
      return plan.method.name + (isPlain ? "" : " of \(names.joined(separator: ", "))")
    }
  }

  /// The layers that a source comes from, when they are not the output's.
  private func sourceLayers(of group: TensorGroup, at place: Int) -> String? {
    guard group.members.contains(where: { $0.sources[place].tensor.name != $0.name }) else {
      return nil
    }
    let pairs = group.members.compactMap { member -> (Int, Int)? in
      guard let output = TensorAddress(member.name).layer,
        let source = TensorAddress(member.sources[place].tensor.name).layer
      else { return nil }
      return (output.index, source.index)
    }
    guard let first = pairs.first, let last = pairs.last, first.0 != first.1 else { return nil }
    return first.1 == last.1 ? "layer \(first.1)" : "layers \(first.1)…\(last.1)"
  }

  private var excluded: [String] {
    var table = TextTable()
    var isEmpty = true
    for place in plan.inputs.indices {
      for group in ExcludedGroup.groups(of: plan, input: place, drawsTogether: !listsAll) {
        isEmpty = false
        table.add([
          plan.inputs[place].name, group.name, "x\(group.count)", group.shape.description,
          group.dtype.rawValue, group.reason.rawValue,
        ])
      }
    }
    return isEmpty ? [] : ["excluded"] + table.lines()
  }

  private var totals: [String] {
    let merged = plan.tensors.count { $0.mergeGroup != nil }
    let elements = plan.tensors.reduce(0) { $0 + $1.shape.elementCount }
    var table = TextTable()
    table.add([
      "tensors",
      "\(plan.tensors.count) (\(CountText(elements)) parameters): \(merged) merged, "
        + "\(plan.tensors.count - merged) copied",
    ])
    table.add(["read", "\(ByteCountText(plan.bytesToRead)) in one pass"])
    table.add([
      "write",
      "\(ByteCountText(plan.bytesToWrite)) in \(CountText.of(plan.shards.count, "weight file"))",
    ])
    for shard in shownShards {
      table.add(["", "\(shard.fileName) \(ByteCountText(shard.byteCount))"])
    }
    if shownShards.count < plan.shards.count {
      table.add(["", "and \(plan.shards.count - shownShards.count) more"])
    }
    table.add(["copy", CountText.of(plan.sideFiles.count, "side file")])
    table.add([
      "memory",
      "\(ByteCountText(budget.memory)) at most, with \(CountText.of(budget.workers, "worker"))",
    ])
    for (place, text) in LedgerText.lines(plan).enumerated() {
      table.add([place == 0 ? "ledger" : "", text])
    }
    table.add(["plan hash", "sha256:" + plan.digest])
    return ["totals"] + table.lines()
  }

  private var shownShards: ArraySlice<PlannedShard> {
    listsAll || plan.shards.count <= 6 ? plan.shards[...] : plan.shards.prefix(5)
  }
}

/// The ledger in few words.
enum LedgerText {
  /// One line for each input: `base: 39 merged, 2 copied`.
  static func lines(_ plan: MergePlan) -> [String] {
    plan.inputs.indices.map { place in
      let counts = plan.ledger.counts(ofInput: place)
      let parts = [
        (counts.merged, "merged"), (counts.copied, "copied"), (counts.excluded, "excluded"),
      ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
      return "\(plan.inputs[place].name): " + (parts.isEmpty ? "-" : parts.joined(separator: ", "))
    }
  }

  /// Whether every tensor of every input is merged.
  static func isPlain(_ plan: MergePlan) -> Bool {
    plan.inputs.indices.allSatisfy { place in
      let counts = plan.ledger.counts(ofInput: place)
      return counts.merged == counts.total
    }
  }
}

/// Tensors of one input that are left out for one reason.
private struct ExcludedGroup {
  let name: String
  let count: Int
  let shape: Shape
  let dtype: DType
  let reason: Ledger.ExclusionReason

  static func groups(of plan: MergePlan, input: Int, drawsTogether: Bool) -> [ExcludedGroup] {
    let checkpoint = plan.inputs[input].checkpoint
    let entries = plan.ledger.inputs[input].compactMap {
      entry -> (tensor: CheckpointTensor, reason: Ledger.ExclusionReason)? in
      guard case .excluded(let reason) = entry.fate, let tensor = checkpoint.tensor(entry.tensor)
      else { return nil }
      return (tensor, reason)
    }
    let groups = entries.grouped { entry in
      Key(
        template: drawsTogether ? NumberedName(entry.tensor.name).template : [entry.tensor.name],
        shape: entry.tensor.shape, dtype: entry.tensor.dtype, reason: entry.reason)
    }
    return groups.map { group in
      ExcludedGroup(
        name: NumberedName.pattern(of: group.map { NumberedName($0.tensor.name) }),
        count: group.count, shape: group[0].tensor.shape, dtype: group[0].tensor.dtype,
        reason: group[0].reason)
    }
  }

  private struct Key: Hashable {
    let template: [String]
    let shape: Shape
    let dtype: DType
    let reason: Ledger.ExclusionReason
  }
}
