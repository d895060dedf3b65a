public import SinterTensors

/// The inputs of one output tensor, as a merge method sees them.
public struct MergeGroup: Sendable, Hashable {
  /// The name of the output tensor.
  public let tensor: String
  /// Its shape, which is that of every input.
  public let shape: Shape
  /// The inputs as messages name them, the base first when there is one.
  public let inputs: [String]
  /// Whether the first input is a base model.
  public let hasBase: Bool
  /// The parameters, resolved for this tensor.
  public let parameters: GroupParameters
  /// The key of all that is random in the merge.
  public let seed: UInt64
  /// The formula of the recipe, for a method that takes one.
  public let formula: Formula?
  /// The names of the inputs in the formula, in the order of inputs, `nil` for one that has none;
  /// beside its own the base has the name `base`.
  public let aliases: [String?]

  /// Makes a group.
  public init(
    tensor: String, shape: Shape, inputs: [String], hasBase: Bool, parameters: GroupParameters,
    seed: UInt64, formula: Formula? = nil, aliases: [String?] = []
  ) {
    precondition(parameters.inputs.count == inputs.count, "each input has its parameters")
    self.tensor = tensor
    self.shape = shape
    self.inputs = inputs
    self.hasBase = hasBase
    self.parameters = parameters
    self.seed = seed
    self.formula = formula
    self.aliases = aliases
  }

  /// The number of elements of the output tensor.
  public var elementCount: Int { shape.elementCount }

  /// The rows of a tile that hold the models that are merged: all but the base.
  public var models: Range<Int> { (hasBase ? 1 : 0)..<inputs.count }

  /// The key of the random numbers of one model in this tensor.
  ///
  /// - Parameter row: the row of the model in a tile. Models are counted without the base, so that
  ///   naming the base does not change what is drawn.
  /// - Returns: the random numbers by element.
  public func random(forRow row: Int) -> CounterRandom {
    CounterRandom(
      seed: seed, stream: CounterRandom.stream(model: row - models.lowerBound, tensor: tensor))
  }
}

/// The parameters of a method, resolved for one output tensor.
public struct GroupParameters: Sendable, Hashable {
  /// The parameters that hold for the tensor.
  public let tensor: [String: ParameterValue]
  /// The parameters of each input, in the order of inputs.
  public let inputs: [[String: ParameterValue]]

  /// Makes parameters.
  public init(tensor: [String: ParameterValue], inputs: [[String: ParameterValue]]) {
    self.tensor = tensor
    self.inputs = inputs
  }

  /// A number that holds for the tensor, or `nil` when it is absent.
  public func number(_ name: String) -> Double? { Self.number(tensor[name]) }

  /// A number of one input, or `nil` when it is absent.
  public func number(_ name: String, input: Int) -> Double? { Self.number(inputs[input][name]) }

  /// A Boolean that holds for the tensor; `false` when it is absent.
  public func isOn(_ name: String) -> Bool { tensor[name] == .boolean(true) }

  private static func number(_ value: ParameterValue?) -> Double? {
    switch value {
    case .number(let number): number
    case .integer(let integer): Double(integer)
    default: nil
    }
  }
}
