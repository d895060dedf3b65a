import SinterTensors
import Synchronization

/// Measures how much adapters change a model while it is read.
final class ChangeMeter: Sendable {
  private let tallies = Mutex<[String: ChangeTally]>([:])

  /// The measure of one tensor; always the same one for a name.
  func tally(of tensor: CheckpointTensor) -> ChangeTally {
    tallies.withLock { tallies in
      if let known = tallies[tensor.name] { return known }
      let tally = ChangeTally(elementCount: tensor.shape.elementCount)
      tallies[tensor.name] = tally
      return tally
    }
  }

  /// The norm of all changes divided by the norm of the tensors that are changed; `nil` when none
  /// was read.
  var relativeChange: Double? {
    let all = tallies.withLock { tallies in
      // In the order of names, so that the order in which workers finish does not matter.
      tallies.sorted { $0.key < $1.key }.map(\.value.sums).filter { $0.elements > 0 }
    }
    guard !all.isEmpty else { return nil }
    let change = all.reduce(0) { $0 + $1.change }
    let values = all.reduce(0) { $0 + $1.values }
    return values == 0 ? (change == 0 ? 0 : .infinity) : (change / values).squareRoot()
  }
}

/// How much adapters change one tensor.
///
/// Parts may come in any order and from any thread; they are added in the order of their elements,
/// so that the sums are the same to the last bit however many workers there are.
final class ChangeTally: Sendable {
  private let elementCount: Int
  private let state = Mutex(State())

  private struct State {
    var sums = Sums()
    /// Parts whose turn has not come, by their first element.
    var waiting: [Int: Sums] = [:]
  }

  /// Squares of changes and of the values that are changed, added up.
  struct Sums: Sendable {
    var change = 0.0
    var values = 0.0
    var elements = 0

    /// Takes up elements.
    ///
    /// - Parameters:
    ///   - before: the model's values.
    ///   - after: what adapters made of them.
    mutating func add(_ before: Span<Double>, _ after: Span<Double>) {
      let part = Reduction.sumsOfSquares(before, changedTo: after)
      values += part.squares
      change += part.changes
      elements += before.count
    }
  }

  init(elementCount: Int) {
    self.elementCount = elementCount
  }

  /// The sums of all parts up to the first that is missing.
  var sums: Sums { state.withLock { $0.sums } }

  /// Whether all elements were taken up.
  var isComplete: Bool { state.withLock { $0.sums.elements >= elementCount } }

  /// Takes up a part; elements that were taken up already belong to a further pass and are not
  /// counted.
  ///
  /// - Parameters:
  ///   - part: the sums over consecutive elements, at least one.
  ///   - first: the first of them.
  func add(_ part: Sums, from first: Int) {
    state.withLock { state in
      guard first >= state.sums.elements else { return }
      state.waiting[first] = part
      while let next = state.waiting.removeValue(forKey: state.sums.elements) {
        state.sums.change += next.change
        state.sums.values += next.values
        state.sums.elements += next.elements
      }
    }
  }
}
