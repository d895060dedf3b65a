import Safetensors
import SinterTensors

/// What becomes of each module, once it is known which tensors differ.
struct ChangedModules {
  /// The modules whose weights become factors.
  private(set) var factored: [ModuleDifference] = []
  /// The biases that are stored beside factors.
  private(set) var biases: [(module: ModuleDifference, bias: TensorPair)] = []
  /// The modules that are stored whole, with all their tensors.
  private(set) var whole: [(name: String, tensors: [TensorPair])] = []
  /// The modules that differ and were left out.
  private(set) var leftOut: [String] = []
  /// The number of modules that do not differ.
  private(set) var unchanged = 0
  private(set) var faults: [Diagnostic] = []

  /// Decides.
  ///
  /// - Parameters:
  ///   - modules: all modules.
  ///   - changed: for each module, the places of the tensors that differ.
  init(_ modules: [ModuleDifference], changed: [Set<Int>]) {
    var wholeNames = Set<String>()
    var candidates: [(module: ModuleDifference, changed: Set<Int>)] = []
    for (module, places) in zip(modules, changed) {
      if places.isEmpty {
        unchanged += 1
      } else if module.isLeftOut {
        leftOut.append(module.label)
      } else if module.name.isEmpty {
        fail(module, places)
      } else if module.form != nil,
        places.contains(where: { module.tensors[$0].name == module.weight?.name })
      {
        candidates.append((module, places))
      } else {
        wholeNames.insert(module.name)
      }
    }
    Self.addNamesakes(of: &wholeNames, modules)
    for (module, places) in candidates {
      if Self.isInside(module.name, wholeNames) { continue }
      factored.append(module)
      biases += places.sorted().map { module.tensors[$0] }.filter { $0.part == "bias" }
        .map { (module, $0) }
    }
    // A module that is stored whole takes along what is inside of it.
    var seen = Set<String>()
    for name in modules.map(\.name) where wholeNames.contains(name) && seen.insert(name).inserted {
      if ModuleName.ancestors(of: name).contains(where: wholeNames.contains) { continue }
      let own = modules.filter { $0.name == name || $0.name.hasPrefix(name + ".") }
      whole.append((own.first { $0.name == name }?.adapterName ?? name, own.flatMap(\.tensors)))
    }
  }

  /// PEFT takes for a module that is stored whole each one whose name ends like it, dot or not, and
  /// wants to find its tensors.
  private static func addNamesakes(of names: inout Set<String>, _ modules: [ModuleDifference]) {
    guard !names.isEmpty else { return }
    let ends = names
    for module in modules where !names.contains(module.name) {
      guard let end = ends.first(where: { module.adapterName.hasSuffix($0) }) else { continue }
      // Most names end like no other; only what is no part of the name is a namesake.
      if module.adapterName.count > end.count { names.insert(module.name) }
    }
  }

  private static func isInside(_ name: String, _ whole: Set<String>) -> Bool {
    whole.contains(name) || ModuleName.ancestors(of: name).contains(where: whole.contains)
  }

  private mutating func fail(_ module: ModuleDifference, _ places: Set<Int>) {
    for place in places.sorted() {
      faults.append(
        Diagnostic(
          .error,
          "tensor '\(module.tensors[place].name)' differs and belongs to no module, so that no "
            + "adapter can hold it",
          hint: "leave it out with --exclude '^$'"))
    }
  }
}
