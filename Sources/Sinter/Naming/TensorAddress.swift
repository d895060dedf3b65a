/// A tensor name taken apart at its layer number.
///
/// The layer number is the first component that consists of digits and has something in front of
/// it: 12 in `model.layers.12.mlp.experts.3.w1.weight`, 0 in `h.0.attn.c_attn.weight`. What stands
/// before it names the stack; a model may have several, such as a vision tower and a text decoder.
public struct TensorAddress: Sendable, Hashable {
  /// A place in a stack of layers.
  public struct Layer: Sendable, Hashable {
    /// What stands before the number, with its last dot: `model.layers.`.
    public let stack: String
    /// The number as stored.
    public let index: Int
    /// What stands behind the number, with its first dot: `.mlp.up_proj.weight`.
    public let suffix: String
  }

  /// The whole name.
  public let name: String
  /// The place in a stack, or `nil` for a tensor that belongs to no layer.
  public let layer: Layer?

  /// Takes a name apart.
  ///
  /// - Parameter name: the name of a tensor in a checkpoint.
  public init(_ name: String) {
    self.name = name
    layer = Self.layer(in: name)
  }

  private static func layer(in name: String) -> Layer? {
    let bytes = name.utf8
    var start = bytes.startIndex
    while let dot = bytes[start...].firstIndex(of: UInt8(ascii: ".")) {
      start = bytes.index(after: dot)
      let end = bytes[start...].firstIndex(of: UInt8(ascii: ".")) ?? bytes.endIndex
      let digits = bytes[start..<end]
      guard let first = digits.first, digits.count <= 9,
        digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
        digits.count == 1 || first != UInt8(ascii: "0")
      else { continue }
      let index = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
      return Layer(
        stack: String(name[..<start]), index: index, suffix: String(name[end...]))
    }
    return nil
  }
}
