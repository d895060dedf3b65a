import Foundation

/// One measurement of how a merge grows.
struct ScalingPoint: Sendable {
  /// What was varied.
  enum Axis: String, Sendable {
    case size, models, threads
  }

  let axis: Axis
  let method: String
  let size: ModelSize
  /// How many models are merged, a base not counted.
  let models: Int
  let threads: Int
  /// The median of wall times, from the recipe's text to the finished output.
  let seconds: Double
  /// The largest resident memory of the process.
  let peakMiB: Double

  /// The names of the columns.
  static let header = "axis,method,size,models,threads,seconds,peak MiB"

  /// A line of the table.
  var line: String {
    let numbers = String(format: "%.3f,%.1f", seconds, peakMiB)
    return "\(axis.rawValue),\(method),\(size.rawValue),\(models),\(threads),\(numbers)"
  }
}
