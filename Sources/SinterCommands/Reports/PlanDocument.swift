import Safetensors
import Sinter
import SinterTensors

/// A plan as programs read it: the members of the document `sinter/plan`.
struct PlanDocument {
  private let plan: MergePlan
  private let budget: ExecutionBudget

  /// Prepares a document.
  init(_ plan: MergePlan, budget: ExecutionBudget) {
    self.plan = plan
    self.budget = budget
  }

  /// The members, in order.
  var members: [(key: String, value: JSONText)] {
    [
      ("recipe", .string(plan.recipe.file)),
      ("plan_hash", .string("sha256:" + plan.digest)),
      ("method", .string(plan.method.name)),
      ("seed", .number(plan.seed)),
      ("models", .array(plan.inputs.indices.map(model))),
      ("tensors", .array(plan.tensors.map(tensor))),
      ("files", .array(plan.shards.map(JSONText.init))),
      ("side_files", .array(plan.sideFiles.map { .string($0.name) })),
      ("parameter_count", .number(plan.tensors.reduce(0) { $0 + $1.shape.elementCount })),
      ("bytes_to_read", .number(plan.bytesToRead)),
      ("bytes_to_write", .number(plan.bytesToWrite)),
      ("memory", .number(budget.memory)),
      ("workers", .number(budget.workers)),
      ("ledger", Self.ledger(plan, listsExcluded: true)),
    ] + AdapterText.members(plan.adapterOutcomes)
  }

  private func model(_ place: Int) -> JSONText {
    let input = plan.inputs[place]
    let summary = CheckpointSummary(input.checkpoint)
    return .object(
      [
        ("model", .string(input.name)),
        ("path", .string(input.checkpoint.path)),
        ("is_base", .bool(input.isBase)),
        ("gives_names_and_configuration", .bool(place == plan.donor)),
        ("architecture", JSONText(summary.architecture)),
        ("tensors", .number(input.checkpoint.tensors.count)),
        ("parameter_count", .number(input.checkpoint.parameterCount)),
        (
          "dtypes",
          .object(summary.dtypes.map { (key: $0.dtype.rawValue, value: .number($0.elements)) })
        ),
      ] + adapters(of: input.checkpoint))
  }

  /// The adapters of a model; nothing for one without.
  private func adapters(of checkpoint: Checkpoint) -> [(key: String, value: JSONText)] {
    guard !checkpoint.adapters.isEmpty else { return [] }
    let adapters = checkpoint.adapters.map { applied in
      JSONText.object([
        ("adapter", .string(applied.name)), ("path", .string(applied.adapter.path)),
        ("weight", JSONText(.number(applied.weight))),
        ("rank", .number(applied.adapter.configuration.rank)),
        ("updates", .number(applied.updates.count)),
      ])
    }
    return [("adapters", .array(adapters))]
  }

  private func tensor(_ tensor: PlannedTensor) -> JSONText {
    var members: [(key: String, value: JSONText)] = [
      ("name", .string(tensor.name)),
      ("dtype", .string(tensor.dtype.rawValue)),
      ("shape", JSONText(tensor.shape)),
      ("file", .string(plan.shards[tensor.shard].fileName)),
      ("byte_offset", .number(tensor.bytes.lowerBound)),
      ("byte_count", .number(tensor.bytes.count)),
    ]
    var inputParameters: [[String: ParameterValue]] = []
    switch tensor.operation {
    case .merge(_, let group):
      members.append(("operation", "merge"))
      members.append(("parameters", Self.parameters(group.parameters.tensor)))
      inputParameters = group.parameters.inputs
    case .copy(let reason):
      members.append(("operation", "copy"))
      members.append(("reason", .string(reason.rawValue)))
    }
    let sources = tensor.sources.enumerated().map { place, source in
      var members: [(key: String, value: JSONText)] = [
        ("model", .number(source.input)),
        ("tensor", .string(source.tensor.name)),
        ("dtype", .string(source.tensor.dtype.rawValue)),
      ]
      if source.tensor.isUpdated { members.append(("updated", .bool(true))) }
      if inputParameters.indices.contains(place) {
        members.append(("parameters", Self.parameters(inputParameters[place])))
      }
      return JSONText.object(members)
    }
    return .object(members + [("sources", .array(sources))])
  }

  private static func parameters(_ values: [String: ParameterValue]) -> JSONText {
    .object(values.sorted { $0.key < $1.key }.map { (key: $0.key, value: JSONText($0.value)) })
  }

  /// What becomes of the tensors of each input.
  ///
  /// - Parameters:
  ///   - plan: the plan.
  ///   - listsExcluded: whether tensors that are left out are named.
  /// - Returns: a list with one object for each input.
  static func ledger(_ plan: MergePlan, listsExcluded: Bool) -> JSONText {
    .array(
      plan.inputs.indices.map { place in
        let counts = plan.ledger.counts(ofInput: place)
        var members: [(key: String, value: JSONText)] = [
          ("model", .string(plan.inputs[place].name)),
          ("merged", .number(counts.merged)),
          ("copied", .number(counts.copied)),
          ("excluded", .number(counts.excluded)),
        ]
        if listsExcluded {
          let entries = plan.ledger.inputs[place].compactMap { entry -> JSONText? in
            guard case .excluded(let reason) = entry.fate else { return nil }
            return [
              "tensor": .string(entry.tensor), "reason": .string(reason.rawValue),
            ]
          }
          members.append(("excluded_tensors", .array(entries)))
        }
        return .object(members)
      })
  }
}

extension JSONText {
  /// The extents of a tensor.
  init(_ shape: Shape) {
    self = .array(shape.dimensions.map { .number($0) })
  }

  /// A weight file of an output.
  init(_ shard: PlannedShard) {
    self = ["name": .string(shard.fileName), "byte_count": .number(shard.byteCount)]
  }
}
