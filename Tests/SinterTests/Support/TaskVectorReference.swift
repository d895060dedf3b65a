import SinterTensors

@testable import Sinter

/// More of the task-vector methods as their formulas stand, by sorting and without tiles.
extension MethodReference {
  /// The indices of a vector, smallest magnitude first; of equal ones the highest index first.
  static func ascending(_ delta: [Double]) -> [Int] {
    delta.indices.sorted { (abs(delta[$0]), -$0) < (abs(delta[$1]), -$1) }
  }

  /// Model Breadcrumbs: keeps ranks bottom ..< bottom + kept, counted from the smallest magnitude.
  static func withoutOutliers(_ delta: [Double], density: Double, gamma: Double) -> [Double] {
    if density >= 1 { return delta }
    let count = delta.count
    let kept = Int(density * Double(count))
    let bottom = max(0, count - kept - Int(gamma * Double(count)))
    let ranks = Set(ascending(delta)[bottom..<bottom + kept])
    return delta.indices.map { ranks.contains($0) ? delta[$0] : 0 }
  }

  /// DELLA: each element of a vector along axis 1 has a probability that goes by its rank.
  ///
  /// - Returns: what is kept, and the probability of each element.
  static func ranked(
    _ delta: [Double], _ shape: [Int], density: Double, epsilon: Double, random: CounterRandom
  ) -> (kept: [Double], probabilities: [Double]) {
    let one = [Double](repeating: 1, count: delta.count)
    if density >= 1 { return (delta, one) }
    if density <= 0 { return (delta.map { _ in 0 }, one) }
    var probabilities = one
    for vector in vectors(shape) {
      let order = ascending(vector.map { delta[$0] })
      for (rank, place) in order.enumerated() {
        let share = order.count > 1 ? Double(rank) / Double(order.count - 1) : 0.5
        probabilities[vector[place]] = (density - epsilon) + 2 * epsilon * share
      }
    }
    let kept = delta.indices.map { i in
      Double(random.uniform32(at: i)) < (probabilities[i] * 0x1p32).rounded() ? delta[i] : 0
    }
    return (kept, probabilities)
  }

  /// The elements of each vector along axis 1; of one axis or none there is one vector.
  static func vectors(_ shape: [Int]) -> [[Int]] {
    let count = Shape(shape).elementCount
    guard shape.count > 1 else { return count == 0 ? [] : [Array(0..<count)] }
    let inner = shape.dropFirst(2).reduce(1, *)
    let all = Dictionary(grouping: 0..<count) { index in
      [index / (inner * shape[1]), index % inner]
    }
    return all.values.map { $0.sorted() }
  }

  /// How a sign is elected and what the sum is divided by.
  struct Election {
    /// Whether votes are weighted.
    var isWeighted = false
    /// What a sum of zero elects.
    var zero = 1.0
    /// Whether the divisor is the number of models that agree.
    var counts = false
  }

  /// Elects a sign, keeps what agrees with it and divides.
  static func elected(
    _ base: [Double], _ deltas: [[Double]], weights: [Double], _ election: Election,
    normalize: Bool = true, lambda: Double = 1
  ) -> [Double] {
    base.indices.map { i in
      var total = 0.0
      for (delta, weight) in zip(deltas, weights) {
        total += delta[i] * (election.isWeighted ? weight : 1)
      }
      let sign = total == 0 ? election.zero : total > 0 ? 1 : -1
      var (mix, divisor) = (0.0, 0.0)
      for (delta, weight) in zip(deltas, weights) {
        let voice = delta[i] * (election.isWeighted ? weight : 1)
        guard sign != 0, voice * sign > 0 else { continue }
        mix += weight * delta[i]
        divisor += election.counts ? 1 : weight
      }
      return base[i] + lambda * mix / (normalize && divisor != 0 ? divisor : 1)
    }
  }
}
