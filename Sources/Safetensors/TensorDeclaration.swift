public import SinterTensors

/// What a tensor is, without where it lies: a name, a dtype and a shape.
public struct TensorDeclaration: Hashable, Sendable {
  /// The name, unique in its file.
  public let name: String
  /// The type of the elements.
  public let dtype: DType
  /// The extents; no axes for a scalar.
  public let shape: Shape

  /// Declares a tensor.
  ///
  /// - Parameters:
  ///   - name: the name, unique in its file and not `__metadata__`.
  ///   - dtype: the type of the elements.
  ///   - shape: the extents; no axes for a scalar.
  public init(name: String, dtype: DType, shape: Shape) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
  }
}
