import SinterTensors

/// The weights of experts in a checkpoint: one tensor for each matrix of each expert, or one for a
/// matrix of all experts of a layer.
///
/// A library may hold experts in another form than the file, so an adapter that was trained on one
/// form is applied to the other.
struct ExpertNames {
  /// What a matrix of an expert does.
  enum Role: Hashable {
    case gate, up, down
  }

  /// An expert's matrix.
  private struct Key: Hashable {
    let layer: String
    let expert: Int
    let role: Role
  }

  /// The matrices of single experts.
  private var single: [Key: CheckpointTensor] = [:]
  /// Gate and up projections of all experts of a layer.
  private var packedInputs: [String: CheckpointTensor] = [:]
  /// Down projections of all experts of a layer.
  private var packedOutputs: [String: CheckpointTensor] = [:]

  init(_ checkpoint: Checkpoint) {
    for tensor in checkpoint.tensors {
      let parts = tensor.name.split(separator: ".")
      guard let place = parts.lastIndex(of: "experts"), let layer = Self.layer(parts[..<place])
      else { continue }
      let tail = Array(parts[(place + 1)...])
      if tail.count == 3, let expert = Int(tail[0]), let role = Self.roles[tail[1]],
        tail[2] == "weight"
      {
        single[Key(layer: layer, expert: expert, role: role)] = tensor
      } else if tail == ["gate_up_proj"] {
        packedInputs[layer] = tensor
      } else if tail == ["down_proj"] {
        packedOutputs[layer] = tensor
      }
    }
  }

  private static let roles: [Substring: Role] = [
    "gate_proj": .gate, "w1": .gate, "up_proj": .up, "w3": .up, "down_proj": .down, "w2": .down,
  ]

  /// The number of the layer, with what tells its stack from others: the part of the model that
  /// sees or hears has words of its own.
  private static func layer(_ parts: ArraySlice<Substring>) -> String? {
    guard let number = parts.first(where: { $0.allSatisfy(\.isNumber) }) else { return nil }
    let isText = !parts.contains { $0.contains("vis") || $0.contains("audio") }
    return isText ? String(number) : parts.joined(separator: ".")
  }

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
  ///   - squares: decides where both orientations fit.
  /// - Returns: the pieces, which together take up the whole update; `nil` when the experts are
  ///   not found or do not fit.
  func pieces(for module: AdapterModule, _ squares: SquareOrientation) -> [Piece]? {
    let parts = module.name.split(separator: ".")
    guard let place = parts.lastIndex(of: "experts"), let layer = Self.layer(parts[..<place])
    else { return nil }
    let tail = Array(parts[(place + 1)...])
    switch module.kind {
    case .parameter("gate_up_proj") where tail.isEmpty:
      return unpacked(module, layer, [.gate, .up], squares)
    case .parameter("down_proj") where tail.isEmpty:
      return unpacked(module, layer, [.down], squares)
    case .linear where tail.count == 2:
      guard let expert = Int(tail[0]), let role = Self.roles[tail[1]] else { return nil }
      return packed(module, layer, expert, role, squares).map { [$0] }
    default:
      return nil
    }
  }

  /// The matrices of single experts, for an update of all of them.
  private func unpacked(
    _ module: AdapterModule, _ layer: String, _ roles: [Role], _ squares: SquareOrientation
  ) -> [Piece]? {
    guard let first = single[Key(layer: layer, expert: 0, role: roles[0])],
      first.shape.dimensions.count == 2
    else { return nil }
    let (height, width) = (first.shape.dimensions[0], first.shape.dimensions[1])
    let orientation = module.orientations(in: [module.experts, height * roles.count, width])
    guard !orientation.isEmpty else { return nil }
    let isTransposed = squares.isTransposed(module, orientation)
    var pieces: [Piece] = []
    for expert in 0..<module.experts {
      for (place, role) in roles.enumerated() {
        guard let tensor = single[Key(layer: layer, expert: expert, role: role)],
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
    let isWhole = single[Key(layer: layer, expert: module.experts, role: roles[0])] == nil
    return isWhole ? pieces : nil
  }

  /// The part of a packed tensor that belongs to one expert's matrix.
  private func packed(
    _ module: AdapterModule, _ layer: String, _ expert: Int, _ role: Role,
    _ squares: SquareOrientation
  ) -> Piece? {
    guard let tensor = role == .down ? packedOutputs[layer] : packedInputs[layer],
      tensor.shape.dimensions.count == 3, expert < tensor.shape.dimensions[0]
    else { return nil }
    let (height, width) = (tensor.shape.dimensions[1], tensor.shape.dimensions[2])
    let (outputs, inputs) = (module.outputs, module.inputs)
    let isTransposed: Bool
    let offset: Int
    switch role {
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
    let start = expert * height + offset
    return Piece(
      tensor: tensor,
      product: TensorUpdate.Product(
        module: module, isTransposed: isTransposed, expert: 0, slice: 0..<rows,
        rows: start..<start + rows))
  }
}
