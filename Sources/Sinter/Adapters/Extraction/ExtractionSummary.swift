public import SinterTensors

/// What a finished extraction reports.
public struct ExtractionSummary: Sendable {
  /// A module whose difference became two factors.
  public struct Module: Sendable {
    /// The name, as the adapter has it.
    public let name: String
    /// The shape of the weight.
    public let shape: Shape
    /// The rank, at least 1.
    public let rank: Int
    /// The Frobenius norm of the difference.
    public let norm: Double
    /// The Frobenius norm of what the factors, as stored, leave of the difference.
    public let residual: Double

    /// What the factors leave, as a part of the difference.
    public var relativeError: Double { norm > 0 ? residual / norm : 0 }
  }

  /// The output folder.
  public let folder: String
  /// The modules with factors, in the order of the base.
  public let modules: [Module]
  /// The modules that are stored whole.
  public let wholeModules: [String]
  /// The biases that are stored beside factors.
  public let biases: [String]
  /// The modules that differ and were left out, as the options say.
  public let leftOut: [String]
  /// The number of modules that do not differ.
  public let unchanged: Int
  /// The bytes that were read.
  public let bytesRead: Int
  /// The bytes of the adapter's weight file.
  public let bytesWritten: Int
  /// The time in seconds.
  public let seconds: Double
  /// What came up while it ran.
  public let remarks: [Diagnostic]

  /// The residuals of all modules with factors, as a part of their differences.
  public var relativeError: Double {
    let norm = modules.reduce(0) { $0 + $1.norm * $1.norm }
    let residual = modules.reduce(0) { $0 + $1.residual * $1.residual }
    return norm > 0 ? (residual / norm).squareRoot() : 0
  }
}
