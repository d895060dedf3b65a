import SinterTensors

/// Says why inputs do not belong together: one sentence with the reason, then the tensors.
struct CompatibilityReport {
  private let inputs: [PlannedInput]
  private let incompatibilities: [Incompatibility]
  private let areStacked: Bool

  /// Phrases what does not fit.
  ///
  /// - Parameters:
  ///   - incompatibilities: the tensors, at least one.
  ///   - inputs: the inputs of the plan.
  ///   - areStacked: whether the recipe takes ranges of layers, so that models may differ in how
  ///     many they have.
  init(_ incompatibilities: [Incompatibility], inputs: [PlannedInput], areStacked: Bool = false) {
    self.incompatibilities = incompatibilities
    self.inputs = inputs
    self.areStacked = areStacked
  }

  /// One error for each pair of models that differ as a whole, then one for each kind of fault,
  /// with a line for each tensor; equal lines of several layers or experts are drawn together.
  var diagnostics: [Diagnostic] {
    var found = sentences.map { Diagnostic(.error, $0) }
    for kind in [Incompatibility.Kind.missing, .shape, .type, .leftOver] {
      let lines = lines(of: kind)
      guard !lines.isEmpty else { continue }
      let count = incompatibilities.count { $0.kind == kind }
      let title =
        "\(count) \(count == 1 ? "tensor" : "tensors") \(Self.title(of: kind, one: count == 1)):"
      found.append(
        Diagnostic(
          .error, ([title] + lines.map { "  " + $0 }).joined(separator: "\n"), hint: hint(for: kind)
        ))
    }
    return found
  }

  private static func title(of kind: Incompatibility.Kind, one: Bool) -> String {
    switch kind {
    case .missing: "\(one ? "is" : "are") missing in some models"
    case .shape: "\(one ? "has" : "have") different shapes"
    case .type: "\(one ? "is" : "are") not floating point and of different types"
    case .leftOver: "\(one ? "belongs" : "belong") to no part of the recipe"
    }
  }

  private func hint(for kind: Incompatibility.Kind) -> String? {
    switch kind {
    case .missing:
      return "--on-missing base takes the base's tensors, --on-missing copy those of any model"
    case .shape:
      return isVocabulary
        ? "the vocabularies differ in size; aligning them is not supported yet" : nil
    case .type: return nil
    case .leftOver:
      return "name their module under 'modules:', or copy them with --on-missing base"
    }
  }

  /// Whether all tensors of different shapes are tables with one row per token.
  private var isVocabulary: Bool {
    incompatibilities.filter { $0.kind == .shape }.allSatisfy { one in
      (TensorRole.isTokenEmbedding(one.tensor) || TensorRole(one.tensor) == .outputHead)
        && Set(one.present.map { Array($0.tensor.shape.dimensions.dropFirst()) }).count == 1
    }
  }

  // MARK: - The list

  private func lines(of kind: Incompatibility.Kind) -> [String] {
    var order: [String] = []
    var groups: [String: (tensor: String, count: Int, rest: String)] = [:]
    for one in incompatibilities where one.kind == kind {
      let rest = description(of: one)
      let key = Self.pattern(of: one.tensor) + "\u{0}" + rest
      if groups[key] == nil {
        order.append(key)
        groups[key] = (one.tensor, 1, rest)
      } else {
        groups[key]?.count += 1
      }
    }
    return order.compactMap { key in
      guard let group = groups[key] else { return nil }
      let name =
        group.count == 1
        ? group.tensor : "\(Self.pattern(of: group.tensor)) (\(group.count) tensors)"
      return "\(name): \(group.rest)"
    }
  }

  private func description(of one: Incompatibility) -> String {
    let groups = Dictionary(grouping: one.present) { source in
      one.kind == .type ? source.tensor.dtype.rawValue : source.tensor.shape.description
    }
    let parts = groups.map { value, sources in
      (
        first: sources[0].input,
        text: "\(value) in \(names(sources.map(\.input)))"
      )
    }
    let present = parts.sorted { $0.first < $1.first }.map(\.text)
    let missing = one.missing.isEmpty ? [] : ["not in \(names(one.missing))"]
    return (present + missing).joined(separator: ", ")
  }

  private func names(_ places: [Int]) -> String {
    var seen = Set<Int>()
    return places.filter { seen.insert($0).inserted }.map { "'\(inputs[$0].name)'" }
      .joined(separator: ", ")
  }

  /// The name with a star for each number: of the layer, and of an expert in it.
  private static func pattern(of name: String) -> String {
    name.split(separator: ".", omittingEmptySubsequences: false)
      .map { !$0.isEmpty && $0.allSatisfy(\.isWholeNumber) ? "*" : $0 }.joined(separator: ".")
  }

  // MARK: - The reason

  /// One sentence for each model that differs from the first in its architecture or sizes.
  private var sentences: [String] {
    guard let first = inputs.first else { return [] }
    let concerned = Set(
      incompatibilities.flatMap { $0.missing + $0.present.map(\.input) })
    return inputs.indices.dropFirst().filter { concerned.contains($0) }.compactMap { place in
      let stated = differences(first, inputs[place])
      let differences = stated.isEmpty ? layerDifferences(first, inputs[place]) : stated
      guard !differences.isEmpty else { return nil }
      return "'\(first.name)' (\(Self.size(first))) and '\(inputs[place].name)' "
        + "(\(Self.size(inputs[place]))) cannot be merged: "
        + differences.joined(separator: ", ")
    }
  }

  private static func size(_ input: PlannedInput) -> String {
    let count = input.checkpoint.parameterCount
    return "\(CountText(count)) \(count == 1 ? "parameter" : "parameters")"
  }

  private func differences(_ first: PlannedInput, _ second: PlannedInput) -> [String] {
    guard let left = first.checkpoint.configuration,
      let right = second.checkpoint.configuration
    else { return [] }
    var found: [String] = []
    if let a = left.modelType, let b = right.modelType, a != b {
      found.append("architecture \(a) vs \(b)")
    }
    for keys in Self.comparedKeys where !(areStacked && keys == Self.layerKeys) {
      if let a = left.firstInteger(of: keys), let b = right.firstInteger(of: keys),
        a.value != b.value
      {
        found.append("\(a.key) \(a.value) vs \(b.value)")
      }
    }
    return found
  }

  /// Stacks of layers of which the names tell that their lengths differ.
  private func layerDifferences(_ first: PlannedInput, _ second: PlannedInput) -> [String] {
    guard !areStacked else { return [] }
    let left = ModelStructure(first.checkpoint).stacks
    let right = ModelStructure(second.checkpoint).stacks
    return left.keys.sorted().compactMap { prefix in
      guard let a = left[prefix], let b = right[prefix], a.storedCount != b.storedCount else {
        return nil
      }
      return "\(a.storedCount) vs \(b.storedCount) layers in '\(prefix.dropLast())'"
    }
  }

  private static let layerKeys = ["num_hidden_layers", "n_layer", "num_layers"]
  private static let comparedKeys = [
    ["hidden_size", "n_embd", "d_model"],
    layerKeys,
    ["intermediate_size", "n_inner", "d_ff"],
    ["num_attention_heads", "n_head", "num_heads"],
    ["num_key_value_heads"],
    ["num_experts", "num_local_experts", "n_routed_experts"],
    ["vocab_size"],
  ]
}
