/// An adapter and the factor that the user gives it.
public struct WeightedAdapter: Sendable {
  /// The adapter.
  public let adapter: Adapter
  /// The factor on the difference that it makes, any finite number.
  public let weight: Double
  /// How messages and reports name it.
  public let name: String

  /// Pairs an adapter with a factor.
  ///
  /// - Parameters:
  ///   - adapter: the adapter.
  ///   - weight: the factor on the difference that it makes.
  ///   - name: how messages name it; `nil` takes its path.
  public init(_ adapter: Adapter, weight: Double = 1, name: String? = nil) {
    self.adapter = adapter
    self.weight = weight
    self.name = name ?? adapter.path
  }
}

/// What is done when an adapter changes one of the two uses of a tensor that a model ties: its
/// embedding and its output head.
public enum TiedPairPolicy: String, Sendable, Hashable, CaseIterable {
  /// Nothing is run.
  case refuse
  /// Both are written, and the configuration says that they are not tied.
  case untie
}

/// The adapters of a model, and what they reach.
public struct AppliedAdapter: Sendable {
  /// How messages and reports name it.
  public let name: String
  /// The factor on the difference that it makes.
  public let weight: Double
  /// The adapter.
  public let adapter: Adapter
  /// For each update of the adapter, the names of the model's tensors that it changes: one, or
  /// several when the file holds experts one by one and the adapter all of them at once.
  public let updates: [[String]]
}
