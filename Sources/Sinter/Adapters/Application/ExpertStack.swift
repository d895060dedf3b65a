import SinterTensors

/// The weights of the experts of one layer: one tensor for each matrix of each expert, or one for a
/// matrix of all of them.
struct ExpertStack {
  /// What a matrix of an expert does.
  private enum Role: Hashable {
    case gate, up, down
  }

  /// An expert's matrix.
  private struct Key: Hashable {
    let expert: Int
    let role: Role
  }

  /// The matrices of single experts.
  private var single: [Key: CheckpointTensor] = [:]
  /// Gate and up projections of all experts.
  private var packedInputs: CheckpointTensor?
  /// Down projections of all experts.
  private var packedOutputs: CheckpointTensor?

  /// A stack without tensors.
  init() {}

  /// Whether there are no weights of experts.
  var isEmpty: Bool { single.isEmpty && packedInputs == nil && packedOutputs == nil }

  /// Takes up a tensor, if it holds weights of experts.
  ///
  /// - Parameters:
  ///   - tensor: a tensor of the layer.
  ///   - name: its name behind `experts`, in parts.
  mutating func add(_ tensor: CheckpointTensor, _ name: ArraySlice<Substring>) {
    let name = Array(name)
    if name.count == 3, let key = Self.key(name), name[2] == "weight" {
      single[key] = tensor
    } else if name == ["gate_up_proj"] {
      packedInputs = tensor
    } else if name == ["down_proj"] {
      packedOutputs = tensor
    }
  }

  /// The expert and the role that a name begins with.
  private static func key(_ name: [Substring]) -> Key? {
    // Only as it is counted: `Int` takes signs and zeros in front too.
    guard let expert = Int(name[0]), expert >= 0, name[0] == String(expert),
      let role = roles[name[1]]
    else { return nil }
    return Key(expert: expert, role: role)
  }

  private static let roles: [Substring: Role] = [
    "gate_proj": .gate, "w1": .gate, "up_proj": .up, "w3": .up, "down_proj": .down, "w2": .down,
  ]

  // MARK: - From one form to the other

  /// A piece of the model's tensors that a module's product is added to.
  struct Piece {
    let tensor: CheckpointTensor
    let product: TensorUpdate.Product
  }

  /// The pieces for a module whose own tensor the file does not have.
  ///
  /// - Parameters:
  ///   - module: the module.
  ///   - name: its name behind `experts`, in parts.
  ///   - squares: decides where both orientations fit.
  /// - Returns: the pieces, which together take up the whole update; `nil` when the experts do not
  ///   fit.
  func pieces(
    for module: AdapterModule, _ name: ArraySlice<Substring>, _ squares: SquareOrientation
  ) -> [Piece]? {
    let name = Array(name)
    switch module.kind {
    case .parameter("gate_up_proj") where name.isEmpty:
      return unpacked(module, [.gate, .up], squares)
    case .parameter("down_proj") where name.isEmpty:
      return unpacked(module, [.down], squares)
    case .linear where name.count == 2:
      return Self.key(name).flatMap { packed(module, $0, squares) }.map { [$0] }
    default:
      return nil
    }
  }

  /// The matrices of single experts, for an update of all of them.
  private func unpacked(
    _ module: AdapterModule, _ roles: [Role], _ squares: SquareOrientation
  ) -> [Piece]? {
    guard let first = single[Key(expert: 0, role: roles[0])],
      first.shape.dimensions.count == 2
    else { return nil }
    let (height, width) = (first.shape.dimensions[0], first.shape.dimensions[1])
    let orientation = module.orientations(in: [module.experts, height * roles.count, width])
    guard !orientation.isEmpty else { return nil }
    let isTransposed = squares.isTransposed(module, orientation)
    var pieces: [Piece] = []
    for expert in 0..<module.experts {
      for (place, role) in roles.enumerated() {
        guard let tensor = single[Key(expert: expert, role: role)],
          tensor.shape == first.shape
        else { return nil }
        pieces.append(
          Piece(
            tensor: tensor,
            product: TensorUpdate.Product(
              module: module, isTransposed: isTransposed, expert: expert,
              slice: place * height..<(place + 1) * height, rows: 0..<height)))
      }
    }
    let isWhole = single[Key(expert: module.experts, role: roles[0])] == nil
    return isWhole ? pieces : nil
  }

  /// The part of a packed tensor that belongs to one expert's matrix.
  private func packed(
    _ module: AdapterModule, _ key: Key, _ squares: SquareOrientation
  ) -> Piece? {
    guard let tensor = key.role == .down ? packedOutputs : packedInputs,
      tensor.shape.dimensions.count == 3, key.expert < tensor.shape.dimensions[0]
    else { return nil }
    let (height, width) = (tensor.shape.dimensions[1], tensor.shape.dimensions[2])
    let (outputs, inputs) = (module.outputs, module.inputs)
    let isTransposed: Bool
    let offset: Int
    switch key.role {
    case .down where (height, width) == (inputs, outputs) && squares.storesExpertsTransposed:
      (isTransposed, offset) = (true, 0)
    case .down where (height, width) == (outputs, inputs): (isTransposed, offset) = (false, 0)
    case .down where (height, width) == (inputs, outputs): (isTransposed, offset) = (true, 0)
    case _ where squares.storesExpertsTransposed:
      // Their gates and up projections alternate.
      return nil
    case .gate where (height, width) == (2 * outputs, inputs): (isTransposed, offset) = (false, 0)
    case .up where (height, width) == (2 * outputs, inputs):
      (isTransposed, offset) = (false, outputs)
    default: return nil
    }
    let rows = isTransposed ? inputs : outputs
    let start = key.expert * height + offset
    return Piece(
      tensor: tensor,
      product: TensorUpdate.Product(
        module: module, isTransposed: isTransposed, expert: 0, slice: 0..<rows,
        rows: start..<start + rows))
  }
}
