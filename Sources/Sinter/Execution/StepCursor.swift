/// Walks over the tiles of a unit's tensors, hands them out in runs and counts those that are done.
struct StepCursor: Sendable {
  private let tileCounts: [Int]
  private let step: WorkTicket.Step
  private let runLength: Int
  private var member = 0
  private var tile = 0
  private var completed = 0

  /// The number of steps that were handed out.
  private(set) var taken = 0

  /// The number of steps of the pass.
  let stepCount: Int

  /// Makes a cursor over the tiles of tensors.
  ///
  /// - Parameters:
  ///   - grids: how the tensors are cut.
  ///   - step: what is done with the tiles.
  init(_ grids: [TileGrid], step: WorkTicket.Step) {
    self.init(tileCounts: grids.map(\.count), step: step)
  }

  /// Makes a cursor over tensors with the given numbers of tiles.
  init(tileCounts: [Int], step: WorkTicket.Step) {
    self.tileCounts = tileCounts
    self.step = step
    // A survey's result for a run can be large (a histogram), so a run is longer. Like the tiles,
    // runs depend on the tensor alone: they decide the order of sums.
    let length = step == .survey ? 16 : 1
    runLength = length
    stepCount = tileCounts.reduce(0) { $0 + ($1 + length - 1) / length }
  }

  /// Whether every step of the pass is done.
  var isFinished: Bool { completed == stepCount }

  /// Hands out the next step, or `nil` when all of the pass are out.
  mutating func take() -> WorkTicket? {
    while member < tileCounts.count, tile >= tileCounts[member] {
      member += 1
      tile = 0
    }
    guard member < tileCounts.count else { return nil }
    let tiles = tile..<min(tile + runLength, tileCounts[member])
    tile = tiles.upperBound
    defer { taken += 1 }
    return WorkTicket(step: step, member: member, tiles: tiles, ordinal: taken)
  }

  /// Counts one step as done.
  mutating func complete() { completed += 1 }
}
