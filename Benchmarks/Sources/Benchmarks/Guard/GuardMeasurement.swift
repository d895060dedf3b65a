/// What was measured of a loop or a merge, as a multiple of something else measured beside it.
struct GuardMeasurement {
  /// What it is a multiple of.
  enum Yardstick: String {
    /// The time that a copy of as many bytes takes.
    case copy = "a copy"
    /// The memory of the same merge of a quarter of the tensors.
    case quarter = "a quarter of the model"
  }

  /// The name of the line in the file with the thresholds.
  let name: String
  var ratio: Double
  var yardstick = Yardstick.copy
}
