import Foundation
import SinterTensors
import Synchronization

@testable import Sinter

/// Divides by the largest magnitude of the whole model and adds its mean: a survey of two passes
/// over all tensors.
struct ModelScaling: MergeMethod {
  let elementCount: Int

  init(_ group: MergeGroup) { elementCount = group.elementCount }

  struct Survey: TensorSurvey {
    struct Partial: Sendable {
      var largest = 0.0
      var sum = 0.0
      var tiles: [TilePosition] = []
    }

    let count: Int
    var passes = 0
    var result = Partial()
    var largest = 0.0

    var isComplete: Bool { passes == 2 }
    func makePartial() -> Partial { Partial() }
    mutating func add(_ partial: Partial) {
      result.largest = max(result.largest, partial.largest)
      result.sum += partial.sum
      result.tiles += partial.tiles
    }
    mutating func finishPass() {
      // Tiles must have come in order, those of one tensor after another.
      let order = result.tiles.map { [$0.group, $0.tile] }
      precondition(order == order.sorted { $0.lexicographicallyPrecedes($1) })
      largest = result.largest
      if passes == 0 { result = Partial() }
      passes += 1
    }
  }

  var surveyScope: SurveyScope { .model }
  static func makeSurvey(_ groups: [ModelScaling]) -> Survey {
    Survey(count: groups.reduce(0) { $0 + $1.elementCount })
  }

  func survey(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: Survey, into partial: inout Survey.Partial
  ) {
    partial.tiles.append(position)
    if survey.passes == 0 {
      partial.largest = max(partial.largest, Reduction.largestMagnitude(tile[0]))
    } else {
      partial.largest = survey.largest
      partial.sum += Reduction.sum(tile[0])
    }
  }

  func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: Survey, into output: inout MutableSpan<Double>
  ) {
    let input = tile[0]
    let mean = survey.result.sum / Double(survey.count)
    for i in 0..<output.count { output[i] = input[i] / survey.largest + mean }
  }

  static let declaration = sampleDeclaration("model_scaling")
}

/// Divides each row by the sum of its magnitudes: needs whole rows.
struct RowScaling: MergeMethod {
  let row: Int

  init(_ group: MergeGroup) { row = max(group.shape.dimensions.last ?? 1, 1) }

  var grain: TileGrain { .rows }

  func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: NoSurvey, into output: inout MutableSpan<Double>
  ) {
    let input = tile[0]
    for start in stride(from: 0, to: output.count, by: row) {
      var sum = 0.0
      for i in start..<start + row { sum += input[i].magnitude }
      for i in start..<start + row { output[i] = input[i] / sum }
    }
  }

  static let declaration = sampleDeclaration("row_scaling")
}

/// Turns a tensor around: needs the whole of it.
struct Reversal: MergeMethod {
  init(_ group: MergeGroup) {}

  var grain: TileGrain { .tensor }

  func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: NoSurvey, into output: inout MutableSpan<Double>
  ) {
    let input = tile[0]
    for i in 0..<output.count { output[i] = input[output.count - 1 - i] }
  }

  static let declaration = sampleDeclaration("reversal")
}

/// Takes its time for each tile.
struct SlowCopy: MergeMethod {
  init(_ group: MergeGroup) {}

  func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: NoSurvey, into output: inout MutableSpan<Double>
  ) {
    Thread.sleep(forTimeInterval: 0.005)
    let input = tile[0]
    for i in 0..<output.count { output[i] = input[i] }
  }

  static let declaration = sampleDeclaration("slow_copy")
}

extension MethodRegistry {
  /// The built-in methods and those that exist for tests alone.
  static let withSamples: MethodRegistry = {
    var registry = MethodRegistry.builtIn
    registry.register(ModelScaling.self)
    registry.register(RowScaling.self)
    registry.register(Reversal.self)
    registry.register(SlowCopy.self)
    return registry
  }()
}

func sampleDeclaration(_ name: String) -> MethodDeclaration {
  MethodDeclaration(
    name: name, title: name, summary: "", formula: "", goodFor: "", base: .ignored, models: 1...1,
    parameters: [], source: nil, differences: [], example: "")
}
