/// What a finished combination reports.
public struct CombinationSummary: Sendable {
  /// The output folder.
  public let folder: String
  /// The name of the method.
  public let method: String
  /// What the recipe calls the adapters.
  public let adapters: [String]
  /// The modules, in the order in which the adapters have them.
  public let modules: [FactoredModule]
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
  public var relativeError: Double { modules.relativeError }
}
