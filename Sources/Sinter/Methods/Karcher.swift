public import SinterTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Gives the inputs the mean of their directions on the sphere and the mean of their lengths, each
/// tensor taken as one vector (Karcher or Fréchet mean).
public struct Karcher: MergeMethod {
  private let merging: GramMerge
  private let steps: Int
  private let tolerance: Double

  /// Prepares the mean of one group.
  ///
  /// - Parameter group: the group; the base model, where a recipe names one, is an input like any
  ///   other.
  public init(_ group: MergeGroup) {
    merging = GramMerge(models: group.inputs.indices, hasOrigin: false)
    steps = Int(group.parameters.number("max_iter") ?? 10)
    tolerance = group.parameters.number("tol") ?? 1e-5
  }

  /// The input, when it is the only one.
  public var copiedInput: Int? { merging.models.count == 1 ? 0 : nil }

  /// A survey that has seen nothing yet.
  public static func makeSurvey(_ groups: [Karcher]) -> GramSurvey {
    let method = groups[0]
    return GramSurvey(count: method.merging.models.count) { method.solve($0, measured: $1) }
  }

  /// Multiplies the vectors of one tile with each other.
  public func survey(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: GramSurvey, into partial: inout GramSurvey.Partial
  ) {
    merging.survey(&tile, survey, into: &partial)
  }

  /// Multiplies the vectors of one tile of rows as they are stored.
  public func survey(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: GramSurvey,
    into partial: inout GramSurvey.Partial
  ) -> Bool {
    merging.survey(rows, survey, into: &partial)
  }

  /// Merges one tile.
  public func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: GramSurvey, into output: inout MutableSpan<Double>
  ) {
    merging.merge(&tile, survey, into: &output)
  }

  /// Merges tiles of rows as they are stored.
  public func merge(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: GramSurvey,
    into output: inout MutableSpan<UInt16>, from start: Int
  ) -> Bool {
    merging.merge(rows, survey, into: &output, from: start)
  }

  /// The coefficients of the result.
  func solve(_ gram: Gram, measured: Double?) -> GramSurvey.Solution {
    if gram.areEqual { return .copy }
    let largest = gram.lengths.max() ?? 0
    let valid = gram.lengths.indices.filter { gram.lengths[$0] > tolerance * largest }
    var coefficients = [Double](repeating: 0, count: gram.count)
    let mean = Directions(gram, valid).mean(steps: steps, tolerance: tolerance)
    for (i, vector) in valid.enumerated() { coefficients[vector] = mean[i] / gram.lengths[vector] }
    // The mean is of length 1 as far as the dot products tell.
    if measured == nil, gram.cancels(coefficients) { return .measure(coefficients) }
    let length = gram.lengths.reduce(0) { $0 + $1 / Double(gram.count) }
    let scale = measured.map { $0 > 0 ? length / $0 : 0 } ?? length
    return .combine(coefficients.map { $0 * scale })
  }
}

/// The directions uᵢ of the vectors that have one, by the cosines between them.
///
/// All vectors of the iteration are sums of the directions, so each is held as their coefficients.
private struct Directions {
  private let cosines: [[Double]]

  init(_ gram: Gram, _ valid: [Int]) {
    cosines = valid.map { i in valid.map { j in i == j ? 1 : gram.cosine(i, j) } }
  }

  /// The coefficients of the mean direction.
  ///
  /// Each step goes along the mean of the tangents that lead from m to the directions, each as long
  /// as the angle.
  func mean(steps: Int, tolerance: Double) -> [Double] {
    let share = 1 / Double(cosines.count)
    var mean = [Double](repeating: share, count: cosines.count)
    guard !mean.isEmpty else { return mean }
    let length = length(of: mean)
    if length < tolerance || length == 0 {
      for i in mean.indices { mean[i] = i == 0 ? 1 : 0 }
    } else {
      for i in mean.indices { mean[i] /= length }
    }
    for _ in 0..<steps {
      let tangent = tangent(at: mean, share: share, tolerance: tolerance)
      let angle = self.length(of: tangent)
      guard angle >= tolerance, angle > 0 else { break }
      for i in mean.indices {
        mean[i] = cos(angle) * mean[i] + sin(angle) / angle * tangent[i]
      }
      let length = self.length(of: mean)
      if length > tolerance { for i in mean.indices { mean[i] /= length } }
    }
    return mean
  }

  /// The coefficients of the mean of the tangents that lead from a direction m to all others:
  /// `Σ a·θᵢ / sin θᵢ · (uᵢ - cos θᵢ·m)`.
  ///
  /// An angle of nearly 0 adds nothing. At nearly π every tangent leads there, and none is taken.
  private func tangent(at mean: [Double], share: Double, tolerance: Double) -> [Double] {
    var tangent = [Double](repeating: 0, count: mean.count)
    var along = 0.0
    for i in mean.indices {
      let cosine = min(max(dot(cosines[i], mean), -1), 1)
      let angle = acos(cosine)
      guard angle >= tolerance, .pi - angle > max(tolerance, 1e-7), angle > 0 else { continue }
      let factor = share * angle / sin(angle)
      tangent[i] += factor
      along += factor * cosine
    }
    for i in mean.indices { tangent[i] -= along * mean[i] }
    return tangent
  }

  /// The length of a sum of directions.
  private func length(of coefficients: [Double]) -> Double {
    var square = 0.0
    for i in coefficients.indices { square += coefficients[i] * dot(cosines[i], coefficients) }
    return max(square, 0).squareRoot()
  }

  private func dot(_ first: [Double], _ second: [Double]) -> Double {
    var sum = 0.0
    for i in first.indices { sum += first[i] * second[i] }
    return sum
  }
}

extension Karcher {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "karcher",
    title: "Karcher Mean",
    summary: "mean of directions on the sphere, with the mean length",
    formula: """
      uᵢ = xᵢ / |xᵢ|, each tensor taken as one vector; tensors of length zero have no direction
      m  = Σ uᵢ, brought to length 1; the first uᵢ where they cancel
      T  = mean of θᵢ / sin θᵢ · (uᵢ - cos θᵢ·m), θᵢ = angle between m and uᵢ
      m  = cos|T|·m + sin|T|·T/|T|      at most max_iter times, until |T| < tol
      out = (mean of all |xᵢ|)·m
      """,
    goodFor: """
      Several models that count the same, when their tensors point apart. Between fine-tunes of one \
      base it is close to their average.
      """,
    base: .ignored,
    models: 1...Int.max,
    parameters: [
      ParameterDeclaration(
        "max_iter", scope: .tensor, kind: .integer(0...100_000), default: .value(.integer(10)),
        meaning: "the largest number of steps"),
      ParameterDeclaration(
        "tol", scope: .tensor, kind: .number(0...0.1), default: .value(.number(1e-5)),
        meaning: "the angle, in radians, below which a step ends the search"),
    ],
    source: "https://arxiv.org/abs/2603.04972",
    differences: [
      """
      A tensor has no direction when it is shorter than tol times the longest; mergekit compares \
      its length with tol itself, and turns tensors that are short in all models to zero.
      """,
      "A direction opposite to the mean adds nothing to a step; mergekit divides by nearly zero.",
      "Directions and steps are not rounded to the type of the tensors.",
    ],
    example: """
      merge_method: karcher
      models:
        - model: ./first
        - model: ./second
        - model: ./third
      parameters:
        max_iter: 20
      """)
}
