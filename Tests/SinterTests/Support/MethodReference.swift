import Foundation
import SinterTensors

/// The merge methods as their formulas stand, element by element in Double, without tiles.
enum MethodReference {
  static func linear(_ inputs: [[Double]], weights: [Double], normalize: Bool) -> [Double] {
    inputs[0].indices.map { i in
      let sum = zip(inputs, weights).reduce(0) { $0 + $1.0[i] * $1.1 }
      return normalize ? sum / weights.reduce(0, +) : sum
    }
  }

  static func slerp(_ base: [Double], _ model: [Double], t: Double) -> [Double] {
    func norm(_ vector: [Double]) -> Double {
      let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return length <= 1e-300 ? 1 : length
    }
    let (left, right) = (norm(base), norm(model))
    let dot = zip(base, model).reduce(0) { $0 + $1.0 / left * ($1.1 / right) }
    let cosine = min(max(dot, -1), 1)
    if abs(cosine) > 0.9995 { return zip(base, model).map { (1 - t) * $0 + t * $1 } }
    let angle = acos(cosine)
    let (first, second) = (sin((1 - t) * angle) / sin(angle), sin(t * angle) / sin(angle))
    return zip(base, model).map { first * $0 + second * $1 }
  }

  /// The parameters of a merge of task vectors.
  struct TaskVectors {
    var weights: [Double]
    var vote = false
    var normalize = false
    var lambda = 1.0
  }

  /// Adds task vectors, which have been thinned out, to the base.
  static func merge(
    _ base: [Double], _ deltas: [[Double]], _ parameters: TaskVectors
  ) -> [Double] {
    base.indices.map { i in
      let terms = zip(deltas, parameters.weights).map { (term: $0[i] * $1, weight: $1) }
      let isPositive = terms.reduce(0) { $0 + $1.term } >= 0
      let agreeing = terms.filter { isPositive ? $0.term > 0 : $0.term < 0 }
      let kept = parameters.vote ? agreeing : terms
      var divisor = kept.reduce(0) { $0 + $1.weight }
      let isZero = parameters.vote ? divisor == 0 : abs(divisor) < 1e-8
      if !parameters.normalize || isZero { divisor = 1 }
      return base[i] + kept.reduce(0) { $0 + $1.term } / divisor * parameters.lambda
    }
  }

  static func deltas(_ inputs: [[Double]]) -> [[Double]] {
    inputs.dropFirst().map { zip($0, inputs[0]).map { $0 - $1 } }
  }

  /// Keeps the largest magnitudes, found by sorting; of equal ones those of lowest index.
  static func trimmed(_ delta: [Double], density: Double) -> [Double] {
    if density >= 1 { return delta }
    let count = density <= 0 ? 0 : max(1, Int(density * Double(delta.count)))
    let order = delta.indices.sorted { (-abs(delta[$0]), $0) < (-abs(delta[$1]), $1) }
    let kept = Set(order.prefix(count))
    return delta.indices.map { kept.contains($0) ? delta[$0] : 0 }
  }

  /// Keeps elements at random, each looked up by itself.
  static func dropped(
    _ delta: [Double], density: Double, seed: UInt64, model: Int, name: String
  ) -> [Double] {
    if density >= 1 { return delta }
    let random = CounterRandom(
      seed: seed, stream: CounterRandom.stream(model: model, tensor: name))
    let threshold = (density * 0x1p32).rounded()
    return delta.indices.map { Double(random.uniform32(at: $0)) < threshold ? delta[$0] : 0 }
  }

  /// Multiplies what was kept by the sum of magnitudes before over after.
  static func rescaled(_ kept: [Double], from delta: [Double]) -> [Double] {
    let (before, after) = (l1(delta), l1(kept))
    return before > 0 && after > 0 ? kept.map { $0 * before / after } : kept
  }

  static func l1(_ values: [Double]) -> Double { values.reduce(0) { $0 + abs($1) } }
}
