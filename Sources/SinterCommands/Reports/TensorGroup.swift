import Sinter
import SinterTensors

/// Tensors that differ in nothing but the numbers in their names, and in the values of parameters.
struct TensorGroup {
  /// The tensors in the order of their numbers.
  let members: [PlannedTensor]
  /// The common name, with a star where the numbers differ.
  let name: String

  private init(_ members: [PlannedTensor]) {
    let numbered = members.map { (NumberedName($0.name), $0) }
      .sorted { $0.0.numbers.lexicographicallyPrecedes($1.0.numbers) }
    self.members = numbered.map(\.1)
    name = NumberedName.pattern(of: numbered.map(\.0))
  }

  /// The tensors of a plan, drawn together.
  ///
  /// - Parameters:
  ///   - plan: the plan.
  ///   - drawsTogether: `false` gives each tensor a group of its own.
  /// - Returns: the groups, in the order of their first tensors.
  static func groups(of plan: MergePlan, drawsTogether: Bool = true) -> [TensorGroup] {
    guard drawsTogether else { return plan.tensors.map { TensorGroup([$0]) } }
    return plan.tensors.grouped { Key($0) }.map { TensorGroup($0) }
  }

  /// What members have in common.
  private struct Key: Hashable {
    let template: [String]
    let shape: Shape
    let dtype: DType
    let reason: Ledger.CopyReason?
    let inputs: [Int]
    /// Whether adapters change each source.
    let areUpdated: [Bool]
    /// By how much the layer numbers of sources differ from the output's.
    let offsets: [Int]

    init(_ tensor: PlannedTensor) {
      template = NumberedName(tensor.name).template
      shape = tensor.shape
      dtype = tensor.dtype
      if case .copy(let copyReason) = tensor.operation {
        reason = copyReason
      } else {
        reason = nil
      }
      inputs = tensor.sources.map(\.input)
      areUpdated = tensor.sources.map(\.tensor.isUpdated)
      let layer = TensorAddress(tensor.name).layer?.index ?? 0
      offsets = tensor.sources.map {
        $0.tensor.name == tensor.name
          ? 0 : (TensorAddress($0.tensor.name).layer?.index ?? 0) - layer
      }
    }
  }
}

extension Sequence {
  /// The elements with equal keys together, in the order in which keys first come.
  func grouped<Key: Hashable>(by key: (Element) -> Key) -> [[Element]] {
    var places: [Key: Int] = [:]
    var groups: [[Element]] = []
    for element in self {
      let key = key(element)
      if let place = places[key] {
        groups[place].append(element)
      } else {
        places[key] = groups.count
        groups.append([element])
      }
    }
    return groups
  }
}

/// A tensor name and the numbers in it.
struct NumberedName {
  /// The components between dots, numbers replaced by a star.
  let template: [String]
  /// The numbers, from left to right.
  let numbers: [Int]

  /// Takes a name apart.
  init(_ name: String) {
    var template: [String] = []
    var numbers: [Int] = []
    for component in name.split(separator: ".", omittingEmptySubsequences: false) {
      if component.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(component) {
        numbers.append(number)
        template.append("*")
      } else {
        template.append(String(component))
      }
    }
    self.template = template
    self.numbers = numbers
  }

  /// The common name of names with one template: a star where their numbers differ.
  ///
  /// - Parameter names: at least one name.
  /// - Returns: the name that stands for all of them.
  static func pattern(of names: [NumberedName]) -> String {
    let first = names[0]
    var place = 0
    return first.template.map { component in
      guard component == "*", place < first.numbers.count else { return component }
      defer { place += 1 }
      let number = first.numbers[place]
      return names.allSatisfy { $0.numbers[place] == number } ? String(number) : "*"
    }.joined(separator: ".")
  }
}
