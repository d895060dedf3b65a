import SinterTensors

@testable import Sinter

/// Several groups that one survey covers, merged without files, runs and tiles in a shuffled order.
struct ModelRun {
  var groups: [MethodRun]
  /// Decides the order in which tiles are worked on.
  var order: UInt64 = 1

  /// The merged values of each group.
  func callAsFunction<Method: MergeMethod>(_ type: Method.Type) throws -> [[Double]] {
    let methods = try groups.map { try Method($0.group(for: Method.declaration)) }
    let grids = zip(groups, methods).map { TileGrid(shape: Shape($0.shape), grain: $1.grain) }
    var random = TestRandom(seed: order)
    var survey = Method.makeSurvey(methods)
    var tiles: [(group: Int, tile: Int)] = []
    for (group, grid) in grids.enumerated() {
      for tile in 0..<grid.count { tiles.append((group, tile)) }
    }
    var passes = 0
    while !survey.isComplete {
      var partials: [Method.Survey.Partial?] = tiles.map { _ in nil }
      for place in tiles.indices.shuffled(using: &random) {
        let (group, tile) = tiles[place]
        var partial = survey.makePartial()
        var rows = groups[group].rows(grids[group][tile])
        var scratch = groups[group].scratch(methods[group].scratchRows, grids[group][tile].count)
        methods[group].survey(
          &rows, scratch: &scratch,
          at: TilePosition(group: group, tile: tile, elements: grids[group][tile]), survey,
          into: &partial)
        partials[place] = partial
      }
      for case let partial? in partials { survey.add(partial) }
      survey.finishPass()
      passes += 1
      precondition(passes < 20, "a survey that does not end")
    }
    var results = groups.map { [Double](repeating: .nan, count: Shape($0.shape).elementCount) }
    for (group, tile) in tiles.shuffled(using: &random) {
      let elements = grids[group][tile]
      var rows = groups[group].rows(elements)
      var scratch = groups[group].scratch(methods[group].scratchRows, elements.count)
      var output = [Double](repeating: .nan, count: elements.count)
      var span = output.mutableSpan
      methods[group].merge(
        &rows, scratch: &scratch,
        at: TilePosition(group: group, tile: tile, elements: elements), survey, into: &span)
      results[group].replaceSubrange(elements, with: output)
    }
    return results
  }
}
