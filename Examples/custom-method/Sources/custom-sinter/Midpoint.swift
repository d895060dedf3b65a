import Sinter
import SinterTensors

/// Half-way between the smallest and the largest value of all models, element by element.
struct Midpoint: MergeMethod {
  static let declaration = MethodDeclaration(
    name: "midpoint", title: "Midpoint", summary: "half-way between the extremes of the models",
    formula: "out = (min xᵢ + max xᵢ) / 2", goodFor: "showing how a method is written",
    base: .ignored, models: 1...Int.max, parameters: [], source: nil, differences: [],
    example: "merge_method: midpoint\nmodels:\n  - model: ./first\n  - model: ./second\n")

  init(_ group: MergeGroup) {}

  func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: NoSurvey, into output: inout MutableSpan<Double>
  ) {
    for i in 0..<output.count {
      var (low, high) = (tile[0][i], tile[0][i])
      for row in 1..<tile.rows {
        low = min(low, tile[row][i])
        high = max(high, tile[row][i])
      }
      output[i] = (low + high) / 2
    }
  }
}
