import Safetensors
import SinterTensors

/// `sinter_manifest.json`: what was merged, how, and what became of every tensor.
///
/// It holds nothing that differs between two runs of the same recipe on the same models: no time,
/// no machine, no absolute path.
struct Manifest {
  private let plan: MergePlan

  init(_ plan: MergePlan) {
    self.plan = plan
  }

  /// The text of the file.
  func encoded() -> [UInt8] {
    JSONText.object([
      ("schema", "sinter/manifest"),
      ("schema_version", 1),
      ("sinter_version", .string(SinterVersion.current)),
      ("plan_hash", .string("sha256:" + PlanHash(plan).text)),
      ("method", .string(plan.method.name)),
      ("seed", .number(plan.seed)),
      ("recipe", .string(plan.recipe.text)),
      ("inputs", .array(plan.inputs.indices.map(input))),
      ("output", output),
      ("tensors", .array(plan.tensors.map(tensor))),
      ("ledger", ledger),
    ]).encoded(.pretty) + [0x0A]
  }

  private func input(_ place: Int) -> JSONText {
    let input = plan.inputs[place]
    let files = input.checkpoint.files.map { file in
      JSONText.object([
        ("name", .string(PathText.lastComponent(file.path))),
        ("bytes", .number(file.header.fileByteCount)),
      ])
    }
    return .object(
      [
        ("model", .string(input.name)),
        ("is_base", .bool(input.isBase)),
        ("gives_names_and_configuration", .bool(place == plan.donor)),
        ("files", .array(files)),
      ] + adapters(of: input.checkpoint))
  }

  /// The adapters of an input; nothing for one without.
  private func adapters(of checkpoint: Checkpoint) -> [(key: String, value: JSONText)] {
    guard !checkpoint.adapters.isEmpty else { return [] }
    let adapters = checkpoint.adapters.map { applied in
      let file = applied.adapter.file
      return JSONText.object([
        ("adapter", .string(applied.name)), ("weight", .verbatim("\(applied.weight)")),
        ("updates", .number(applied.updates.count)),
        (
          "file",
          .object([
            ("name", .string(PathText.lastComponent(file.path))),
            ("bytes", .number(file.header.fileByteCount)),
          ])
        ),
      ])
    }
    return [("adapters", .array(adapters))]
  }

  private var output: JSONText {
    let shards = plan.shards.map { shard in
      JSONText.object([
        ("name", .string(shard.fileName)), ("bytes", .number(shard.byteCount)),
      ])
    }
    return .object([
      ("files", .array(shards)),
      ("copied_files", .array(plan.sideFiles.map { .string($0.name) })),
    ])
  }

  private func tensor(_ tensor: PlannedTensor) -> JSONText {
    var members: [(key: String, value: JSONText)] = [
      ("name", .string(tensor.name)),
      ("dtype", .string(tensor.dtype.rawValue)),
      ("shape", .array(tensor.shape.dimensions.map { .number($0) })),
    ]
    switch tensor.operation {
    case .merge(_, let group):
      members.append(("operation", "merged"))
      members.append(("parameters", .string(group.parameters.summary)))
    case .copy(let reason):
      members.append(("operation", "copied"))
      members.append(("reason", .string(reason.rawValue)))
    }
    members.append(
      (
        "sources",
        .array(
          tensor.sources.map { source in
            .object(
              [
                ("input", .number(source.input)), ("tensor", .string(source.tensor.name)),
                ("dtype", .string(source.tensor.dtype.rawValue)),
              ]
                + (source.tensor.update == nil ? [] : [("updated", .bool(true))]))
          })
      ))
    return .object(members)
  }

  /// The counts of each input, and every tensor that is left out.
  private var ledger: JSONText {
    .array(
      plan.inputs.indices.map { place in
        let counts = plan.ledger.counts(ofInput: place)
        let excluded = plan.ledger.inputs[place].compactMap { entry -> JSONText? in
          guard case .excluded(let reason) = entry.fate else { return nil }
          return .object([
            ("tensor", .string(entry.tensor)), ("reason", .string(reason.rawValue)),
          ])
        }
        return .object([
          ("model", .string(plan.inputs[place].name)),
          ("merged", .number(counts.merged)), ("copied", .number(counts.copied)),
          ("excluded", .number(counts.excluded)), ("excluded_tensors", .array(excluded)),
        ])
      })
  }
}
