/// What a finished extraction reports.
public struct ExtractionSummary: Sendable {
  /// The output folder.
  public let folder: String
  /// The modules with factors, in the order of the base.
  public let modules: [FactoredModule]
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
  public var relativeError: Double { modules.relativeError }
}
