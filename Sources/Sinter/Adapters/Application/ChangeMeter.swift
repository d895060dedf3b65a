import SinterTensors
import Synchronization

/// Measures how much adapters change a model while it is read.
final class ChangeMeter: Sendable {
  private let sums = Mutex<[String: Sums]>([:])

  private struct Sums {
    var change = 0.0
    var values = 0.0
    var elements = 0
  }

  /// Whether all elements of a tensor were taken up.
  func isComplete(_ tensor: CheckpointTensor) -> Bool {
    sums.withLock { ($0[tensor.name]?.elements ?? 0) >= tensor.shape.elementCount }
  }

  /// Takes up a tile; tiles beyond the number of a tensor's elements belong to a further pass and
  /// are not counted.
  ///
  /// - Parameters:
  ///   - before: the model's values; overwritten.
  ///   - after: what adapters made of them.
  ///   - tensor: the tensor.
  func add(
    _ before: inout MutableSpan<Double>, _ after: Span<Double>, of tensor: CheckpointTensor
  ) {
    let values = Reduction.sumOfSquares(before.span)
    let count = before.count
    RowArithmetic.subtract(after, from: &before)
    let change = Reduction.sumOfSquares(before.span)
    sums.withLock { sums in
      var own = sums[tensor.name] ?? Sums()
      guard own.elements < tensor.shape.elementCount else { return }
      own.change += change
      own.values += values
      own.elements += count
      sums[tensor.name] = own
    }
  }

  /// The norm of all changes divided by the norm of the tensors that are changed; `nil` when none
  /// was read.
  var relativeChange: Double? {
    let all = sums.withLock { sums in
      // In the order of names, so that the order in which workers finish does not matter.
      sums.sorted { $0.key < $1.key }.map(\.value)
    }
    guard !all.isEmpty else { return nil }
    let change = all.reduce(0) { $0 + $1.change }
    let values = all.reduce(0) { $0 + $1.values }
    return values == 0 ? (change == 0 ? 0 : .infinity) : (change / values).squareRoot()
  }
}
