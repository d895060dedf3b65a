import SinterTensors

/// The configuration of the output: the donor's, with what the merge changes set to the truth.
struct OutputConfiguration {
  /// The text, or `nil` when the donor has no configuration.
  let text: String?
  /// What the configuration could not be made to say.
  private(set) var remarks: [Diagnostic] = []

  /// Edits the donor's configuration.
  ///
  /// - Parameters:
  ///   - donor: the input that gives the configuration.
  ///   - inputs: all inputs.
  ///   - stacks: the layers of the output's modules, where the recipe slices them.
  ///   - tensors: the tensors of the output.
  ///   - namesType: whether the user asked for an element type.
  /// - Throws: ``DiagnosticError`` when the configuration cannot say what the output is.
  init(
    donor: PlannedInput, inputs: [PlannedInput], stacks: [StackedLayers],
    tensors: [PlannedTensor], namesType: Bool
  ) throws(DiagnosticError) {
    guard var configuration = donor.checkpoint.configuration else {
      text = nil
      return
    }
    let original = configuration
    for stack in stacks {
      guard let key = stack.key else { continue }
      let layers = stack.layers.map { source in
        let own = inputs.first { $0.reference == source.model }?.checkpoint.configuration
        return (configuration: own ?? original, layer: source.layer)
      }
      configuration = try configuration.settingLayers(at: key, to: layers)
      remarks += configuration.layerRemarks(at: key, for: layers.map(\.layer))
    }
    if let name = donor.reference.overrideArchitecture {
      configuration = try configuration.settingArchitecture(name)
    }
    if let dtype = Self.mainType(of: tensors) {
      configuration = try configuration.settingDType(dtype, adds: namesType)
    }
    text = configuration.text
  }

  /// The type of most of the output's floating-point elements.
  private static func mainType(of tensors: [PlannedTensor]) -> DType? {
    var counts: [DType: Int] = [:]
    for tensor in tensors where tensor.dtype.isFloatingPoint {
      counts[tensor.dtype, default: 0] += tensor.shape.elementCount
    }
    return counts.max { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }?.key
  }
}
