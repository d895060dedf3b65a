import ArgumentParser
import SinterTensors

/// An element type that the output can be given, by the name that recipes use.
enum OutputType: String, CaseIterable, ExpressibleByArgument {
  case bfloat16
  case float16
  case float32
  case float64

  /// The element type of the format.
  var dtype: DType {
    switch self {
    case .bfloat16: .bfloat16
    case .float16: .float16
    case .float32: .float32
    case .float64: .float64
    }
  }
}
