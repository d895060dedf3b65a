import Sinter

/// The parameters of merged tensors as text: once for all where they agree, else by group.
struct ParameterSummary {
  private let declaration: MethodDeclaration
  /// The parameters that have one value for the whole merge, in the order of the declaration.
  let common: [(name: String, value: ParameterValue)]

  /// Looks through a plan.
  init(_ plan: MergePlan) {
    declaration = plan.method
    let groups = plan.tensors.compactMap(\.mergeGroup)
    common = plan.method.parameters.compactMap { parameter in
      guard parameter.scope == .tensor, let value = groups.first?.parameters.tensor[parameter.name],
        groups.allSatisfy({ $0.parameters.tensor[parameter.name] == value })
      else { return nil }
      return (parameter.name, value)
    }
  }

  /// The parameters of a group that are not common to all: one text for each parameter, such as
  /// `weight 1, 0.2…0.8`, the inputs separated by commas.
  func texts(of group: TensorGroup) -> [String] {
    let groups = group.members.compactMap(\.mergeGroup)
    guard let first = groups.first else { return [] }
    return declaration.parameters.compactMap { parameter in
      let name = parameter.name
      guard !common.contains(where: { $0.name == name }) else { return nil }
      if parameter.scope == .tensor {
        let values = groups.compactMap { $0.parameters.tensor[name] }
        return Self.range(of: values).map { "\(name) \($0)" }
      }
      let texts = first.inputs.indices.compactMap { input in
        Self.range(of: groups.compactMap { $0.parameters.inputs[input][name] })
      }
      return texts.isEmpty ? nil : "\(name) \(texts.joined(separator: ", "))"
    }
  }

  /// One value, or the first and the last of a gradient, with what lies farthest off between them
  /// when first and last are the same.
  static func range(of values: [ParameterValue]) -> String? {
    guard let first = values.first, let last = values.last else { return nil }
    guard values.contains(where: { $0 != first }) else { return text(of: first) }
    guard first == last else { return "\(text(of: first))…\(text(of: last))" }
    guard case .number(let start) = first else { return "varies" }
    let numbers = values.compactMap { value -> Double? in
      if case .number(let number) = value { number } else { nil }
    }
    let farthest = numbers.max { abs($0 - start) < abs($1 - start) } ?? start
    return [start, farthest, start].map { text(of: .number($0)) }.joined(separator: "…")
  }

  /// A value with no more than four digits behind the point: tables show it, they do not store it.
  static func text(of value: ParameterValue) -> String {
    guard case .number(let number) = value, number.magnitude >= 0.001, number.magnitude < 1e9 else {
      return value.description
    }
    return ParameterValue.number((number * 10_000).rounded() / 10_000).description
  }
}

extension PlannedTensor {
  /// The group that a method merges, `nil` for a copy.
  var mergeGroup: MergeGroup? {
    if case .merge(_, let group) = operation { group } else { nil }
  }
}
