/// Walks over the tiles of a unit's tensors, hands them out in runs and counts those that are done.
struct StepCursor: Sendable {
  private let tensors: [Tensor]
  private let step: WorkTicket.Step
  private var member = 0
  private var tile = 0
  private var completed = 0

  /// The number of steps that were handed out.
  private(set) var taken = 0

  /// The number of steps of the pass.
  let stepCount: Int

  /// How many tiles a tensor has, and how many of them make a step.
  struct Tensor: Sendable {
    let tileCount: Int
    let stepLength: Int

    var stepCount: Int { (tileCount + stepLength - 1) / stepLength }
  }

  /// Makes a cursor over the tiles of tensors.
  ///
  /// A step is some runs of tiles: in a survey many, since its result for a step can be large (a
  /// histogram), in a merge as many as are written at once. Like the tiles, steps depend on the
  /// tensor alone: they decide the order of sums.
  ///
  /// - Parameters:
  ///   - grids: how the tensors are cut.
  ///   - step: what is done with the tiles.
  init(_ grids: [TileGrid], step: WorkTicket.Step) {
    self.init(
      grids.map { grid in
        Tensor(
          tileCount: grid.count,
          stepLength: step == .survey
            ? Self.runsPerSurveyStep * grid.tilesPerRun : grid.tilesPerWrite)
      }, step: step)
  }

  /// Makes a cursor over tensors of the given numbers of tiles.
  init(_ tensors: [Tensor], step: WorkTicket.Step) {
    self.tensors = tensors
    self.step = step
    stepCount = tensors.reduce(0) { $0 + $1.stepCount }
  }

  /// The number of runs of tiles that make one step of a survey.
  static let runsPerSurveyStep = 16

  /// Whether every step of the pass is done.
  var isFinished: Bool { completed == stepCount }

  /// Hands out the next step, or `nil` when all of the pass are out.
  mutating func take() -> WorkTicket? {
    while member < tensors.count, tile >= tensors[member].tileCount {
      member += 1
      tile = 0
    }
    guard member < tensors.count else { return nil }
    let tensor = tensors[member]
    let tiles = tile..<min(tile + tensor.stepLength, tensor.tileCount)
    tile = tiles.upperBound
    defer { taken += 1 }
    return WorkTicket(step: step, member: member, tiles: tiles, ordinal: taken)
  }

  /// Counts one step as done.
  mutating func complete() { completed += 1 }
}
