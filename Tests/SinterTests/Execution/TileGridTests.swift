import SinterTensors
import Testing

@testable import Sinter

@Suite struct TileGridTests {
  @Test(arguments: [0, 1, 65_535, 65_536, 65_537, 200_000])
  func `tiles cover every element once`(count: Int) {
    let grid = TileGrid(shape: [count], grain: .elements)
    var next = 0
    for tile in 0..<grid.count {
      #expect(grid[tile].lowerBound == next)
      #expect(!grid[tile].isEmpty)
      next = grid[tile].upperBound
    }
    #expect(next == count)
  }

  @Test func `a scalar is one tile of one element`() {
    let grid = TileGrid(shape: [], grain: .elements)
    #expect(grid.count == 1)
    #expect(grid[0] == 0..<1)
  }

  @Test func `rows are never cut`() {
    let grid = TileGrid(shape: [7, 30_000], grain: .rows)
    #expect((0..<grid.count).map { grid[$0].count } == [60_000, 60_000, 60_000, 30_000])
    let long = TileGrid(shape: [2, 100_000], grain: .rows)
    #expect((0..<long.count).map { long[$0].count } == [100_000, 100_000])
  }

  @Test func `slabs are never cut`() {
    let grid = TileGrid(shape: [5, 100, 300], grain: .slabs(from: 1))
    #expect((0..<grid.count).map { grid[$0].count } == [60_000, 60_000, 30_000])
  }

  @Test func `a whole tensor is one tile`() {
    let grid = TileGrid(shape: [300, 1000], grain: .tensor)
    #expect(grid.count == 1)
    #expect(grid.largestTile == 300_000)
  }
}
