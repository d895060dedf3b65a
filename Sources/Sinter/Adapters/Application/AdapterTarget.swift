import SinterTensors

/// A tensor of the model that an adapter means to change.
struct AdapterTarget {
  /// What the adapter does to it.
  enum Action {
    /// Adds the product of a module's factors.
    case product(AdapterModule)
    /// Adds to a bias.
    case addition(AdapterModule, CheckpointTensor)
    /// Takes its place.
    case replacement(CheckpointTensor)
    /// Takes the place of rows.
    case rows(AdapterTokenRows)
  }

  /// What is done, without what it is done with.
  enum Kind: Hashable {
    case product, addition, replacement, rows
  }

  /// The name as the adapter has it, without its prefix.
  let name: String
  let action: Action

  var kind: Kind {
    switch action {
    case .product: .product
    case .addition: .addition
    case .replacement: .replacement
    case .rows: .rows
    }
  }

  /// Everything that an adapter means to change.
  static func targets(of adapter: Adapter) -> [AdapterTarget] {
    adapter.modules.flatMap { module in
      [AdapterTarget(name: module.target, action: .product(module))]
        + (module.bias.map {
          [AdapterTarget(name: module.name + ".bias", action: .addition(module, $0))]
        } ?? [])
    }
      + adapter.replacements.map {
        AdapterTarget(name: $0.target, action: .replacement($0.tensor))
      }
      + adapter.tokenRows.map { AdapterTarget(name: $0.target, action: .rows($0)) }
  }

  /// Whether the shapes agree with those of a tensor of the model.
  func fits(_ shape: Shape) -> Bool {
    switch action {
    case .product(let module):
      !module.orientations(in: shape).isEmpty && module.hasFittingMagnitudes
    case .addition(_, let tensor), .replacement(let tensor): tensor.shape == shape
    case .rows(let rows):
      shape.dimensions.count == 2 && shape.dimensions[1] == rows.tensor.shape.dimensions[1]
        && rows.rows.allSatisfy { $0 < shape.dimensions[0] }
    }
  }

  /// The shape that the adapter is made for, as messages write it.
  var expectation: String {
    switch action {
    case .product(let module): "\(module.expectedShape)"
    case .addition(_, let tensor), .replacement(let tensor): "\(tensor.shape)"
    case .rows(let rows):
      "a table with token \(rows.rows.max() ?? 0) and \(rows.tensor.shape.dimensions[1]) columns"
    }
  }
}

extension AdapterModule {
  /// Whether there are as many magnitudes as the axis is long that they belong to.
  fileprivate var hasFittingMagnitudes: Bool {
    guard let magnitude else { return true }
    return magnitude.shape.elementCount == (magnitudeAxis == .outputs ? outputs : inputs)
  }
}
