import SinterTensors
import Testing

@testable import Sinter

@Suite struct StepCursorTests {
  private func tickets(_ tileCounts: [Int], _ step: WorkTicket.Step) -> [WorkTicket] {
    let length = step == .survey ? 16 : 1
    var cursor = StepCursor(
      tileCounts.enumerated().map { .init(member: $0, tiles: 0..<$1, stepLength: length) },
      step: step)
    var tickets: [WorkTicket] = []
    while let ticket = cursor.take() { tickets.append(ticket) }
    #expect(tickets.count == cursor.stepCount)
    #expect(cursor.taken == cursor.stepCount)
    #expect(cursor.take() == nil)
    #expect(cursor.isFinished == tickets.isEmpty)
    for ticket in tickets { cursor.complete(ticket) }
    #expect(cursor.isFinished)
    return tickets
  }

  @Test(arguments: [[], [0], [0, 0], [1], [0, 3, 0, 0, 40, 0], [16], [17], [32, 33]])
  func `every tile is handed out once, in order`(tileCounts: [Int]) {
    for step in [WorkTicket.Step.survey, .merge, .copy] {
      let tickets = tickets(tileCounts, step)
      #expect(tickets.map(\.ordinal) == Array(tickets.indices))
      let tiles = tickets.flatMap { ticket in ticket.tiles.map { [ticket.member, $0] } }
      let expected = tileCounts.enumerated().flatMap { member, count in
        (0..<count).map { [member, $0] }
      }
      #expect(tiles == expected)
    }
  }

  @Test func `steps are runs of tiles of one tensor`() {
    let tickets = tickets([17, 2], .survey)
    #expect(tickets.map(\.tiles) == [0..<16, 16..<17, 0..<2])
    #expect(tickets.map(\.member) == [0, 0, 1])
    #expect(self.tickets([3], .merge).map(\.tiles) == [0..<1, 1..<2, 2..<3])
  }

  @Test func `what a tensor needs is loaded before its tiles`() throws {
    var cursor = StepCursor(
      [2, 0, 1, 1].enumerated().map { .init(member: $0, tiles: 0..<$1, stepLength: 1) },
      step: .merge, loads: [0, 1, 2])
    var steps: [String] = []
    func describe(_ ticket: WorkTicket) -> String { "\(ticket.step) \(ticket.member)" }
    while let ticket = cursor.take() {
      steps.append(describe(ticket))
      if ticket.step == .load {
        // Not of what was begun before, but of nothing behind it.
        #expect(cursor.take() == nil)
        #expect(ticket.tiles.isEmpty)
      }
      #expect(!cursor.isFinished)
      cursor.complete(ticket)
      if ticket.step == .load { #expect(!cursor.isFinished(ticket.member)) }
    }
    #expect(steps == ["load 0", "merge 0", "merge 0", "load 2", "merge 2", "merge 3"])
    #expect(cursor.isFinished && cursor.taken == 4)
    #expect((0..<4).allSatisfy { cursor.isFinished($0) })
  }

  @Test func `some tiles can be handed out, of one tensor more than once`() {
    var cursor = StepCursor(
      [
        .init(member: 2, tiles: 5..<9, stepLength: 3),
        .init(member: 2, tiles: 10..<10, stepLength: 3),
        .init(member: 2, tiles: 20..<21, stepLength: 3),
        .init(member: 7, tiles: 0..<3, stepLength: 3),
      ], step: .survey)
    #expect(cursor.stepCount == 4)
    var tickets: [WorkTicket] = []
    while let ticket = cursor.take() { tickets.append(ticket) }
    #expect(tickets.map(\.tiles) == [5..<8, 8..<9, 20..<21, 0..<3])
    #expect(tickets.map(\.member) == [2, 2, 2, 7])
    #expect(tickets.map(\.ordinal) == [0, 1, 2, 3])
  }

  @Test func `a step of a survey is sixteen runs of tiles, one of a merge four`() {
    let grid = TileGrid(shape: [300 * 4096 + 1], grain: .elements)
    var survey = StepCursor([grid], step: .survey)
    #expect(survey.stepCount == 2)
    #expect(survey.take()?.tiles == 0..<256)
    #expect(survey.take()?.tiles == 256..<301)
    var merge = StepCursor([grid], step: .merge)
    #expect(merge.stepCount == 5)
    #expect(merge.take()?.tiles == 0..<64)
  }
}
