import SinterTensors

/// How the product of a module's factors lies in the model's tensor.
struct AdapterOrientation: OptionSet, Hashable {
  let rawValue: Int

  /// Outputs are rows: B · A.
  static let straight = AdapterOrientation(rawValue: 1)
  /// Inputs are rows: the transpose of B · A.
  static let transposed = AdapterOrientation(rawValue: 2)
}

extension AdapterModule {
  /// The ways in which the update can lie in a tensor: both in a square one, none when it does not
  /// fit.
  ///
  /// - Parameter shape: the shape of the model's tensor.
  /// - Returns: the orientations for which the shapes agree.
  func orientations(in shape: Shape) -> AdapterOrientation {
    let dimensions = shape.dimensions
    var found: AdapterOrientation = []
    switch kind {
    case .linear:
      if dimensions == [outputs, inputs] { found.insert(.straight) }
      if dimensions == [inputs, outputs] { found.insert(.transposed) }
    case .embedding:
      if dimensions == [inputs, outputs] { found.insert(.transposed) }
    case .convolution:
      let kernel = Array(a.shape.dimensions.dropFirst())
      if dimensions == [outputs] + kernel { found.insert(.straight) }
    case .parameter:
      if dimensions == [experts, outputs, inputs] { found.insert(.straight) }
      if dimensions == [experts, inputs, outputs] { found.insert(.transposed) }
      if experts == 1, dimensions == [outputs, inputs] { found.insert(.straight) }
    case .switchLinear:
      if dimensions == [experts, outputs, inputs] { found.insert(.straight) }
    }
    return found
  }

  /// The shape that the model's tensor should have, for messages.
  var expectedShape: Shape {
    switch kind {
    case .linear: [outputs, inputs]
    case .embedding: [inputs, outputs]
    case .convolution: Shape([outputs] + a.shape.dimensions.dropFirst())
    case .parameter, .switchLinear: [experts, outputs, inputs]
    }
  }
}

/// Decides for tensors that both orientations fit, because they are square.
struct SquareOrientation {
  /// Whether the model's family stores packed experts as in x out.
  let storesExpertsTransposed: Bool
  private let linear: AdapterOrientation
  private let experts: AdapterOrientation
  private let isOld: Bool

  /// Looks at what the other modules of an adapter show.
  ///
  /// - Parameters:
  ///   - adapter: the adapter.
  ///   - found: the orientations that fit each module that was found in the model.
  ///   - modelType: the family of the model.
  init(
    _ adapter: Adapter, found: [(module: AdapterModule, orientation: AdapterOrientation)],
    modelType: String?
  ) {
    // The setting for weights that are stored as in x out holds for a whole adapter, and trainers
    // correct it silently when a layer is of the other sort: what is not square knows better.
    let shown = Set(
      found.filter { $0.module.kind == .linear && $0.orientation != [.straight, .transposed] }
        .map(\.orientation))
    linear =
      shown.count == 1
      ? shown.first ?? .straight
      : adapter.configuration.isFanInFanOut ? .transposed : .straight
    // Before version 0.19 PEFT took the first axis of each expert for the inputs, whatever it is;
    // since then only in families that store it so.
    isOld = adapter.configuration.laysOutExpertsOldWay
    storesExpertsTransposed = Self.storesExpertsTransposed(modelType)
    experts = isOld || storesExpertsTransposed ? .transposed : .straight
  }

  /// The orientation of one module.
  ///
  /// - Parameters:
  ///   - module: the module.
  ///   - fitting: the orientations that fit, at least one.
  /// - Returns: whether the transpose of the product is added.
  func isTransposed(_ module: AdapterModule, _ fitting: AdapterOrientation) -> Bool {
    guard fitting == [.straight, .transposed] else { return fitting == .transposed }
    if case .parameter(let name) = module.kind {
      // Families that store experts as in x out do not keep them in modules of their own.
      return name == "weight" ? isOld : experts == .transposed
    }
    return linear == .transposed
  }

  /// Whether a family stores packed experts as in x out.
  static func storesExpertsTransposed(_ modelType: String?) -> Bool {
    transposedFamilies.contains(modelType ?? "")
  }

  /// The families whose experts are stored as in x out.
  private static let transposedFamilies: Set<String> = [
    "gpt_oss", "aria", "aria_text", "openai_privacy_filter",
  ]
}

extension AdapterConfiguration {
  /// Whether factors of packed experts are laid out as PEFT did before version 0.19.
  var laysOutExpertsOldWay: Bool { format == .peft && !isVersion(atLeast: (0, 19)) }

  /// Whether the version of PEFT that wrote the adapter is a given one or later; an adapter that
  /// does not say is older than all that do.
  func isVersion(atLeast least: (major: Int, minor: Int)) -> Bool {
    let parts = (version ?? "").split(separator: ".").prefix(2).compactMap { Int($0) }
    guard parts.count == 2 else { return false }
    return (parts[0], parts[1]) >= (least.major, least.minor)
  }
}
