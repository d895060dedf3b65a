import Safetensors

/// What the configuration of a combined adapter takes over from those of its parts.
struct CombinationOrigin: Sendable {
  /// The model that they are for.
  private(set) var baseModel: String?
  /// What PEFT calls the kind of model.
  private(set) var taskType: String?
  /// Whether weights are stored as in x out.
  let isFanInFanOut: Bool
  /// Whether what is said of an embedding holds for the output head that is tied to it.
  private(set) var keepsTies = false
  /// The last parts of names by which all modules, and no others, are targeted; `nil` when that is
  /// not known.
  private(set) var targets: [String]?
  /// The same for parameters.
  private(set) var parameters: [String]?
  /// Whether the factors of packed experts are laid out as PEFT did before version 0.19.
  let laysOutExpertsOldWay: Bool
  private(set) var remarks: [Diagnostic] = []

  /// Reads the configurations.
  ///
  /// - Throws: ``DiagnosticError`` when they disagree in what cannot be both.
  init(_ adapters: [Adapter], modules: [CombinedModule]) throws(DiagnosticError) {
    laysOutExpertsOldWay = adapters.contains {
      $0.laysOutExperts && $0.configuration.laysOutExpertsOldWay
    }
    isFanInFanOut = adapters.contains { $0.configuration.isFanInFanOut }
    let bases = adapters.compactMap(\.configuration.baseModel)
    baseModel = bases.first
    if let other = bases.first(where: { $0 != bases[0] }) {
      remarks.append(
        Diagnostic(
          .warning,
          "the adapters name different bases, '\(bases[0])' and '\(other)': the result makes sense "
            + "only when these are the same weights"))
    }
    try readTies(adapters, modules)
    var all: [[String]] = []
    for adapter in adapters {
      let read = try Self.read(adapter)
      taskType = taskType ?? read.taskType
      if let targets = read.targets { all.append(targets) }
    }
    if all.count == adapters.count { targets = Self.known(Set(all.joined()), modules) }
    parameters = Self.known(parameters: adapters, modules)
    remarkLayout()
  }

  /// Names that mean all modules that are targeted as a whole; `nil` when they miss one.
  private static func known(_ names: Set<String>, _ modules: [CombinedModule]) -> [String]? {
    let reachesAll = modules.allSatisfy { module in
      module.parameter != nil
        || names.contains { module.name == $0 || module.name.hasSuffix("." + $0) }
    }
    return reachesAll ? names.sorted() : nil
  }

  /// The names that the adapters give parameters, when they mean those that have factors and no
  /// others.
  private static func known(
    parameters adapters: [Adapter], _ modules: [CombinedModule]
  ) -> [String]? {
    let names = Set(adapters.flatMap(\.configuration.targetParameters)).sorted()
    let own = Dictionary(grouping: modules.filter { $0.parameter != nil }, by: \.name)
    let isExact = own.allSatisfy { name, modules in
      AdapterConfiguration.parameters(of: name, among: names)
        == AdapterConfiguration.inDeclaredOrder(Set(modules.compactMap(\.parameter)))
    }
    return isExact && !own.isEmpty ? names : nil
  }

  private mutating func remarkLayout() {
    guard laysOutExpertsOldWay else { return }
    remarks.append(
      Diagnostic(
        .note,
        "the factors of packed experts are laid out as PEFT did before version 0.19, and so is the "
          + "result: later versions load it only for models that store experts as in x out",
        hint: "Sinter applies it, and so does PEFT 0.18"))
  }

  private mutating func readTies(
    _ adapters: [Adapter], _ modules: [CombinedModule]
  ) throws(DiagnosticError) {
    let concerned = adapters.filter { adapter in
      let targets = adapter.modules.map(\.target) + adapter.replacements.map(\.target)
      return targets.contains {
        TensorRole.isTokenEmbedding($0) || TensorRole($0) == .outputHead
      }
    }
    let ties = Set(concerned.map(\.configuration.keepsTies))
    keepsTies = ties == [true]
    guard ties.count > 1 else { return }
    throw DiagnosticError([
      Diagnostic(
        .error,
        "'\(concerned[0].path)' and others change an embedding or output head, and disagree on "
          + "whether the two stay tied",
        hint: "set 'ensure_weight_tying' alike in their 'adapter_config.json'")
    ])
  }

  /// Reads what only matters to those who load an adapter.
  private static func read(
    _ adapter: Adapter
  ) throws(DiagnosticError) -> (taskType: String?, targets: [String]?) {
    guard adapter.configuration.format == .peft else { return (nil, nil) }
    let path = PathText.join(adapter.path, "adapter_config.json")
    let bytes: [UInt8]
    do throws(SafetensorsError) {
      bytes = try FileItem.read(path, limit: SideFileSelection.largestFile)
    } catch {
      throw DiagnosticError(error)
    }
    guard let document = try? JSONDocument(parsing: bytes, dialect: .python) else {
      return (nil, nil)
    }
    let root = document.root
    let taskType = root["task_type"]?.string
    let isPlain = ["layers_to_transform", "layers_pattern", "exclude_modules"].allSatisfy { key in
      root[key].map { $0.isNull || $0.array?.isEmpty == true } ?? true
    }
    guard isPlain, let names = root["target_modules"]?.array else { return (taskType, nil) }
    let targets = names.compactMap(\.string)
    return (taskType, targets.count == names.count ? targets : nil)
  }
}

extension Adapter {
  /// Whether it has factors of packed experts in one of the layouts of PEFT, which differ.
  var laysOutExperts: Bool {
    modules.contains { if case .parameter = $0.kind { true } else { false } }
  }
}
