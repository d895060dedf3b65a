public import SinterTensors

/// What a finished combination reports.
public struct CombinationSummary: Sendable {
  /// A module whose updates became two factors.
  public struct Module: Sendable {
    /// The name, as the adapter has it.
    public let name: String
    /// The shape of the weight.
    public let shape: Shape
    /// The number of adapters that change it.
    public let adapters: Int
    /// The rank, at least 1.
    public let rank: Int
    /// The Frobenius norm of the combined update.
    public let norm: Double
    /// The Frobenius norm of what the factors, as stored, leave of it.
    public let residual: Double

    /// What the factors leave, as a part of the update.
    public var relativeError: Double { norm > 0 ? residual / norm : 0 }
  }

  /// The output folder.
  public let folder: String
  /// The name of the method.
  public let method: String
  /// What the recipe calls the adapters.
  public let adapters: [String]
  /// The modules, in the order in which the adapters have them.
  public let modules: [Module]
  /// The tensors that were taken over as stored.
  public let keptTensors: [String]
  /// The bytes that were read.
  public let bytesRead: Int
  /// The bytes of the adapter's weight file.
  public let bytesWritten: Int
  /// The time in seconds.
  public let seconds: Double
  /// What came up while planning and combining.
  public let remarks: [Diagnostic]

  /// The residuals of all modules, as a part of their updates.
  public var relativeError: Double {
    let norm = modules.reduce(0) { $0 + $1.norm * $1.norm }
    let residual = modules.reduce(0) { $0 + $1.residual * $1.residual }
    return norm > 0 ? (residual / norm).squareRoot() : 0
  }
}
