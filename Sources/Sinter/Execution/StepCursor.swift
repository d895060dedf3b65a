/// Walks over tiles of a unit's tensors, hands them out in runs and counts those that are done.
///
/// For a tensor that has something to load, that is handed out first, and its tiles when it is done.
/// Meanwhile there is no step, so that other workers go on to the next unit.
struct StepCursor: Sendable {
  private let stretches: [Stretch]
  private let step: WorkTicket.Step
  private var stretch = 0
  /// How many tiles of the stretch were handed out.
  private var offset = 0
  private var completed = 0
  /// The tensors whose tiles wait for what they need.
  private var loads: [Int: Loading]
  /// The steps of each tensor that are not complete.
  private var left: [Int: Int] = [:]

  /// The number of steps that were handed out.
  private(set) var taken = 0

  /// The number of steps of the pass.
  let stepCount: Int

  /// How far what a tensor's tiles need is.
  private enum Loading {
    case toDo, underway
  }

  /// Consecutive tiles of a tensor, and how many of them make a step.
  struct Stretch: Sendable {
    /// The place of the tensor in its unit.
    let member: Int
    let tiles: Range<Int>
    let stepLength: Int

    var stepCount: Int { (tiles.count + stepLength - 1) / stepLength }
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
      grids.enumerated().map { member, grid in
        Stretch(
          member: member, tiles: 0..<grid.count,
          stepLength: step == .survey ? Self.surveyStepLength(grid) : grid.tilesPerWrite)
      }, step: step, loads: loads)
  }

  /// Makes a cursor over some tiles, in the order given.
  init(_ stretches: [Stretch], step: WorkTicket.Step, loads: Set<Int> = []) {
    self.stretches = stretches
    self.step = step
    self.loads = Dictionary(uniqueKeysWithValues: loads.map { ($0, .toDo) })
    stepCount = stretches.reduce(0) { $0 + $1.stepCount }
    for stretch in stretches { left[stretch.member, default: 0] += stretch.stepCount }
  }

  /// The number of tiles that make one step of a survey.
  static func surveyStepLength(_ grid: TileGrid) -> Int { runsPerSurveyStep * grid.tilesPerRun }

  /// The number of runs of tiles that make one step of a survey.
  static let runsPerSurveyStep = 16

  /// Whether every step of the pass is done.
  var isFinished: Bool { completed == stepCount }

  /// Whether every step of a tensor is done.
  func isFinished(_ member: Int) -> Bool { left[member, default: 0] == 0 }

  /// Hands out the next step; `nil` when all of the pass are out, or something has to be loaded first.
  mutating func take() -> WorkTicket? {
    while stretch < stretches.count, offset >= stretches[stretch].tiles.count {
      stretch += 1
      offset = 0
    }
    guard stretch < stretches.count else { return nil }
    let (all, length) = (stretches[stretch].tiles, stretches[stretch].stepLength)
    let (member, first) = (stretches[stretch].member, all.lowerBound + offset)
    switch loads[member] {
    case nil: break
    case .underway: return nil
    case .toDo:
      loads[member] = .underway
      return WorkTicket(step: .load, member: member, tiles: first..<first, ordinal: taken)
    }
    let tiles = first..<min(first + length, all.upperBound)
    offset += tiles.count
    defer { taken += 1 }
    return WorkTicket(step: step, member: member, tiles: tiles, ordinal: taken)
  }

  /// Counts a step as done.
  mutating func complete(_ ticket: WorkTicket) {
    guard ticket.step != .load else {
      loads[ticket.member] = nil
      return
    }
    left[ticket.member, default: 0] -= 1
    completed += 1
  }
}
