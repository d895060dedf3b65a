/// Walks over the tiles of a unit's tensors, hands them out in runs and counts those that are done.
///
/// For a tensor that has something to load, that is handed out first, and its tiles when it is done.
/// Meanwhile there is no step, so that other workers go on to the next unit.
struct StepCursor: Sendable {
  private let tensors: [Tensor]
  private let step: WorkTicket.Step
  private var member = 0
  private var tile = 0
  private var completed = 0
  private var loading: [Loading]
  /// The steps of each tensor that are not complete.
  private var left: [Int]

  /// The number of steps that were handed out.
  private(set) var taken = 0

  /// The number of steps of the pass.
  let stepCount: Int

  /// Whether what a tensor's tiles need is there.
  private enum Loading {
    case toDo, underway, done
  }

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
  ///   - loads: the tensors that have something to load.
  init(_ grids: [TileGrid], step: WorkTicket.Step, loads: Set<Int> = []) {
    self.init(
      grids.map { grid in
        Tensor(
          tileCount: grid.count,
          stepLength: step == .survey
            ? Self.runsPerSurveyStep * grid.tilesPerRun : grid.tilesPerWrite)
      }, step: step, loads: loads)
  }

  /// Makes a cursor over tensors of the given numbers of tiles.
  init(_ tensors: [Tensor], step: WorkTicket.Step, loads: Set<Int> = []) {
    self.tensors = tensors
    loading = tensors.indices.map { loads.contains($0) ? .toDo : .done }
    left = tensors.map(\.stepCount)
    self.step = step
    stepCount = tensors.reduce(0) { $0 + $1.stepCount }
  }

  /// The number of runs of tiles that make one step of a survey.
  static let runsPerSurveyStep = 16

  /// Whether every step of the pass is done.
  var isFinished: Bool { completed == stepCount }

  /// Whether every step of a tensor is done.
  func isFinished(_ member: Int) -> Bool { left[member] == 0 }

  /// Hands out the next step; `nil` when all of the pass are out, or something has to be loaded first.
  mutating func take() -> WorkTicket? {
    while member < tensors.count, tile >= tensors[member].tileCount {
      member += 1
      tile = 0
    }
    guard member < tensors.count else { return nil }
    switch loading[member] {
    case .done: break
    case .underway: return nil
    case .toDo:
      loading[member] = .underway
      return WorkTicket(step: .load, member: member, tiles: tile..<tile, ordinal: taken)
    }
    let tensor = tensors[member]
    let tiles = tile..<min(tile + tensor.stepLength, tensor.tileCount)
    tile = tiles.upperBound
    defer { taken += 1 }
    return WorkTicket(step: step, member: member, tiles: tiles, ordinal: taken)
  }

  /// Counts a step as done.
  mutating func complete(_ ticket: WorkTicket) {
    guard ticket.step != .load else {
      loading[ticket.member] = .done
      return
    }
    left[ticket.member] -= 1
    completed += 1
  }
}
