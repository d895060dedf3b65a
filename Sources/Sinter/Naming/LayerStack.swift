/// The layers of a model that share a prefix, such as `model.layers.`.
struct LayerStack: Hashable {
  /// What stands before the layer number, with its last dot.
  let prefix: String
  /// The number of layers that count for gradients and slices, at least 1.
  ///
  /// Layers beyond it exist in some checkpoints (a layer that predicts several tokens is stored
  /// behind the last one and not counted by the configuration); they are treated like the last.
  let count: Int
  /// The number of layers that are stored: the largest number plus one.
  let storedCount: Int
  /// Where the configuration says how many layers there are, or `nil`.
  let key: [String]?

  /// How far down the stack a layer lies, for gradients: 0 for the first, 1 for the last, and 1 in
  /// a stack of one layer.
  ///
  /// - Parameter index: the number of the layer.
  /// - Returns: the place of the layer, 0...1.
  func fraction(ofLayer index: Int) -> Double {
    LayerFraction.of(layer: min(index, count - 1), count: count)
  }
}
