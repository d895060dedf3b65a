import SinterTensors

/// Keeps elements at random, the larger ones of a vector more often (DELLA, arXiv:2406.11617).
///
/// The probability rises in equal steps from `density - epsilon` for the smallest magnitude of a
/// vector to `density + epsilon` for the largest; a vector of one element has `density`. Of equal
/// magnitudes the one of lowest index counts as the largest.
///
/// The vectors run along axis 1 of a tensor of two or more axes; one of a single axis is a vector.
struct RankedDropping: Sendable {
  let random: CounterRandom
  let density: Double
  let epsilon: Double
  /// Whether each element that is kept is divided by its probability.
  let dividesByProbability: Bool
  /// The number of elements of a vector.
  private let length: Int
  /// The distance of the elements of a vector; as many vectors lie side by side.
  private let stride: Int

  init(
    _ shape: Shape, density: Double, epsilon: Double, random: CounterRandom,
    dividesByProbability: Bool
  ) {
    self.random = random
    self.density = density
    self.epsilon = epsilon
    self.dividesByProbability = dividesByProbability
    let extents = shape.dimensions
    length = extents.count > 1 ? extents[1] : extents.first ?? 1
    stride = extents.dropFirst(2).reduce(1, *)
  }

  /// Where a tensor may be cut so that its vectors stay whole.
  static func grain(_ shape: Shape) -> TileGrain {
    shape.dimensions.count > 1 ? .slabs(from: 1) : .rows
  }

  /// Finds fault with probabilities that do not lie between 0 and 1.
  static func check(_ group: MergeGroup) throws(MethodFault) {
    for row in group.models {
      let density = group.parameters.number("density", input: row) ?? 1
      let epsilon = group.parameters.number("epsilon", input: row) ?? 0
      guard density > 0, density < 1 else { continue }
      guard density - epsilon > 0, density + epsilon < 1 else {
        throw MethodFault(
          """
          density \(ParameterValue.number(density)) and epsilon \(ParameterValue.number(epsilon)) \
          of '\(group.inputs[row])' give probabilities that are not between 0 and 1
          """,
          hint: "epsilon must be less than density and less than 1 - density")
      }
    }
  }

  /// Sets elements of a tile to zero.
  ///
  /// - Parameters:
  ///   - delta: whole vectors.
  ///   - index: the index of the first element in its tensor.
  func apply(to delta: inout MutableSpan<Double>, from index: Int) {
    if hasPlainVectors {
      random.dropRanked(
        &delta, ofVectors: length, from: index, low: density - epsilon, width: 2 * epsilon)
      return
    }
    var bits = [UInt32](repeating: 0, count: delta.count)
    var span = bits.mutableSpan
    random.fill(&span, from: index)
    let probabilities = (0..<length).map { probability($0) }
    let thresholds = probabilities.map { CounterRandom.threshold(for: $0) }
    var ranking = MagnitudeRanking()
    let slab = length * stride
    for first in Swift.stride(from: 0, to: delta.count, by: max(slab, 1)) {
      for start in first..<first + stride {
        ranking.rank(delta.span, from: start, by: stride, count: length)
        drop(ranking, start, span, below: thresholds, &delta)
        if dividesByProbability { divide(ranking, start, by: probabilities, &delta) }
      }
    }
  }

  /// Whether the elements of a vector lie side by side and are kept as they are.
  private var hasPlainVectors: Bool { stride == 1 && length > 1 && !dividesByProbability }

  /// Sums the magnitudes of the differences of a tile from a base, and of what is left of them, which
  /// is marked.
  ///
  /// - Parameters:
  ///   - row: whole vectors.
  ///   - base: as many elements.
  ///   - index: the index of the first element in its tensor.
  ///   - marks: receives a bit for each element that is left and not zero.
  ///   - start: the place in `marks` of the first of them.
  /// - Returns: the sums; `nil` where vectors are such that nothing was done.
  func sums(
    _ row: Span<Double>, minus base: Span<Double>, from index: Int,
    marking marks: inout MutableSpan<UInt16>, from start: Int
  ) -> (all: Double, kept: Double)? {
    guard hasPlainVectors else { return nil }
    return random.sumsOfAbsolutes(
      row, minus: base, ofVectors: length, from: index, low: density - epsilon,
      width: 2 * epsilon, marking: &marks, from: start)
  }

  private func drop(
    _ ranking: MagnitudeRanking, _ start: Int, _ bits: borrowing MutableSpan<UInt32>,
    below thresholds: [UInt64], _ delta: inout MutableSpan<Double>
  ) {
    // What is dropped cannot be predicted, so this selects instead of branching.
    for place in 0..<length {
      let element = start + ranking[place] * stride
      delta[element] = UInt64(bits[element]) < thresholds[place] ? delta[element] : 0
    }
  }

  private func divide(
    _ ranking: MagnitudeRanking, _ start: Int, by probabilities: [Double],
    _ delta: inout MutableSpan<Double>
  ) {
    for place in 0..<length { delta[start + ranking[place] * stride] /= probabilities[place] }
  }

  /// The probability that an element is kept.
  ///
  /// - Parameter place: its place in the order of magnitudes, 0 for the largest.
  /// - Returns: a number above 0 and below 1.
  func probability(_ place: Int) -> Double {
    guard length > 1 else { return density }
    return (density - epsilon) + 2 * epsilon * (Double(length - 1 - place) / Double(length - 1))
  }
}
