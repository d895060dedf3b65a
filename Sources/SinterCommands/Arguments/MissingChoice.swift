import ArgumentParser
import Sinter

/// What `--on-missing` can be given.
enum MissingChoice: String, CaseIterable, ExpressibleByArgument {
  case error
  case base
  case copy

  /// What the planner calls it.
  var policy: MissingPolicy {
    switch self {
    case .error: .error
    case .base: .base
    case .copy: .copy
    }
  }
}
