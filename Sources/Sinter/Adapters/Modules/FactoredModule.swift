import Safetensors
public import SinterTensors

/// A module of a new adapter whose update became two factors, and how well they hold it.
public struct FactoredModule: Sendable {
  /// The name, as the adapter has it.
  public let name: String
  /// The shape of the weight.
  public let shape: Shape
  /// The number of updates that became one.
  public let updates: Int
  /// The rank, at least 1.
  public let rank: Int
  /// The Frobenius norm of the update.
  public let norm: Double
  /// The Frobenius norm of what the factors, as stored, leave of it.
  public let residual: Double

  init(name: String, shape: Shape, updates: Int = 1, _ factors: ModuleFactors) {
    self.name = name
    self.shape = shape
    self.updates = updates
    rank = factors.rank
    norm = factors.squaredNorm.squareRoot()
    residual = factors.squaredError.squareRoot()
  }

  /// What the factors leave, as a part of the update.
  public var relativeError: Double { norm > 0 ? residual / norm : 0 }
}

extension [FactoredModule] {
  /// What the factors of all modules leave, as a part of their updates.
  public var relativeError: Double {
    let norm = reduce(0) { $0 + $1.norm * $1.norm }
    let residual = reduce(0) { $0 + $1.residual * $1.residual }
    return norm > 0 ? (residual / norm).squareRoot() : 0
  }

  /// The ranks in words: `8`, or `8 to 16` where they differ.
  public var rankText: String {
    let ranks = map(\.rank)
    let (least, most) = (ranks.min() ?? 0, ranks.max() ?? 0)
    return least == most ? "\(least)" : "\(least) to \(most)"
  }

  /// What the adapter's manifest says of them.
  var manifest: JSONText {
    .array(
      map { module in
        .object([
          ("name", .string(module.name)), ("rank", .number(module.rank)),
          ("norm", .number(module.norm)), ("relative_error", .number(module.relativeError)),
        ])
      })
  }
}
