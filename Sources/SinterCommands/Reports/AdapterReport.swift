import Safetensors
import Sinter
import SinterTensors

/// What there is to say of an adapter, for people and for programs.
struct AdapterReport {
  private let adapter: Adapter
  private let model: Checkpoint?
  private let listsAll: Bool

  /// Prepares a report.
  ///
  /// - Parameters:
  ///   - adapter: the adapter.
  ///   - model: a model to which it was applied, or `nil`.
  ///   - listsAll: whether each module has a line of its own.
  init(_ adapter: Adapter, model: Checkpoint?, listsAll: Bool) {
    self.adapter = adapter
    self.model = model
    self.listsAll = listsAll
  }

  /// Warnings and notes.
  var remarks: [Diagnostic] { adapter.remarks }

  // MARK: Text

  /// The text, no line feed at the end.
  var text: String {
    let sections = [
      header, modules, replacements, fit,
      remarks.map { PrintableText($0.description, keepsLines: true).description },
    ]
    return sections.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }
      .joined(separator: "\n\n")
  }

  private var header: [String] {
    let configuration = adapter.configuration
    var table = TextTable()
    table.add(["format", format])
    if let base = configuration.baseModel { table.add(["trained on", base]) }
    table.add(["rank", String(configuration.rank)])
    table.add(["alpha", Self.text(configuration.alpha)])
    table.add([
      "parameters",
      "\(CountText(parameterCount)) in \(CountText.of(adapter.file.tensors.count, "tensor"))",
    ])
    table.add(["updates", String(adapter.updateCount)])
    return [PrintableText(adapter.path).description] + table.lines()
  }

  private var format: String {
    let configuration = adapter.configuration
    var words = [configuration.format == .peft ? "PEFT" : "MLX"]
    if let version = configuration.version { words.append(version) }
    var kinds: [String] = []
    if configuration.usesMagnitudes { kinds.append("DoRA") }
    if configuration.scaling == .alphaOverRootOfRank { kinds.append("rsLoRA") }
    return words.joined(separator: " ") + ", "
      + (kinds.isEmpty ? "LoRA" : kinds.joined(separator: ", "))
  }

  private var parameterCount: Int {
    adapter.file.tensors.reduce(0) { $0 + $1.shape.elementCount }
  }

  private var modules: [String] {
    guard !adapter.modules.isEmpty else { return [] }
    var table = TextTable()
    let groups =
      listsAll ? adapter.modules.map { [$0] } : adapter.modules.grouped { ModuleKey($0) }
    for group in groups {
      let first = group[0]
      var facts = ["\(Self.kind(of: first)) \(first.inputs) → \(first.outputs)"]
      if first.experts > 1 { facts[0] += ", \(first.experts) experts" }
      facts.append("rank \(first.rank)")
      facts.append("scale \(Self.text(first.scale))")
      if first.magnitude != nil { facts.append("magnitudes") }
      if first.bias != nil { facts.append("bias") }
      table.add(
        [NumberedName.pattern(of: group.map { NumberedName($0.target) }), "x\(group.count)"] + facts
      )
    }
    return ["low-rank updates"] + table.lines()
  }

  private var replacements: [String] {
    guard !adapter.replacements.isEmpty || !adapter.tokenRows.isEmpty else { return [] }
    var table = TextTable()
    for replacement in adapter.replacements {
      table.add([
        replacement.target, replacement.tensor.shape.description,
        replacement.tensor.dtype.rawValue,
      ])
    }
    for rows in adapter.tokenRows {
      table.add([
        rows.target, CountText.of(rows.rows.count, "row"), rows.tensor.dtype.rawValue,
      ])
    }
    return ["takes the place of"] + table.lines()
  }

  private var fit: [String] {
    guard let model else { return [] }
    let updates = model.adapters.flatMap(\.updates)
    return [
      PrintableText(
        "fits '\(model.path)': \(updates.count) of \(updates.count) updates reach a tensor"
      ).description
    ]
  }

  /// What modules have in common that share a line.
  private struct ModuleKey: Hashable {
    let template: [String]
    let kind: AdapterModule.Kind
    let numbers: [Int]
    let scale: Double
    let hasMagnitude: Bool
    let hasBias: Bool

    init(_ module: AdapterModule) {
      template = NumberedName(module.target).template
      kind = module.kind
      numbers = [module.inputs, module.outputs, module.rank, module.experts]
      scale = module.scale
      hasMagnitude = module.magnitude != nil
      hasBias = module.bias != nil
    }
  }

  private static func kind(of module: AdapterModule) -> String {
    switch module.kind {
    case .linear: "linear"
    case .embedding: "embedding"
    case .convolution: "convolution"
    case .parameter: "parameter"
    case .switchLinear: "experts"
    }
  }

  private static func text(_ number: Double) -> String {
    ParameterSummary.text(of: .number(number))
  }

  // MARK: JSON

  /// The members of the document `sinter/adapter-inspect`, in order.
  var members: [(key: String, value: JSONText)] {
    let configuration = adapter.configuration
    return [
      ("path", .string(adapter.path)),
      ("format", .string(configuration.format.rawValue)),
      ("format_version", JSONText(configuration.version)),
      ("base_model", JSONText(configuration.baseModel)),
      ("rank", .number(configuration.rank)),
      ("alpha", JSONText(.number(configuration.alpha))),
      ("uses_magnitudes", .bool(configuration.usesMagnitudes)),
      ("parameter_count", .number(parameterCount)),
      ("update_count", .number(adapter.updateCount)),
      ("modules", .array(adapter.modules.map(module))),
      (
        "replacements",
        .array(
          adapter.replacements.map { one in
            .object([
              ("target", .string(one.target)), ("shape", JSONText(one.tensor.shape)),
              ("dtype", .string(one.tensor.dtype.rawValue)),
            ])
          })
      ),
      (
        "token_rows",
        .array(
          adapter.tokenRows.map { one in
            .object([
              ("target", .string(one.target)),
              ("rows", .array(one.rows.map { .number($0) })),
            ])
          })
      ),
      (
        "fits",
        model.map { .object([("model", .string($0.path)), ("targets", targets($0))]) }
          ?? .null
      ),
    ]
  }

  private func module(_ module: AdapterModule) -> JSONText {
    .object([
      ("target", .string(module.target)), ("kind", .string(Self.kind(of: module))),
      ("inputs", .number(module.inputs)), ("outputs", .number(module.outputs)),
      ("experts", .number(module.experts)), ("rank", .number(module.rank)),
      ("scale", JSONText(.number(module.scale))),
      ("has_magnitudes", .bool(module.magnitude != nil)), ("has_bias", .bool(module.bias != nil)),
      ("dtype", .string(module.a.dtype.rawValue)),
    ])
  }

  /// The names of the model's tensors that the updates reach, in the order of the updates.
  private func targets(_ model: Checkpoint) -> JSONText {
    .array(
      model.adapters.flatMap(\.updates).map { names in .array(names.map { .string($0) }) })
  }
}
