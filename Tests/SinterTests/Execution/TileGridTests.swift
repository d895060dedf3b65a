import SinterTensors
import Testing

@testable import Sinter

@Suite struct TileGridTests {
  @Test(arguments: [0, 1, 4095, 4096, 4097, 65_536, 65_537, 200_000])
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
    let grid = TileGrid(shape: [7, 2000], grain: .rows)
    #expect((0..<grid.count).map { grid[$0].count } == [4000, 4000, 4000, 2000])
    let long = TileGrid(shape: [2, 100_000], grain: .rows)
    #expect((0..<long.count).map { long[$0].count } == [100_000, 100_000])
  }

  @Test func `slabs are never cut`() {
    let grid = TileGrid(shape: [5, 10, 150], grain: .slabs(from: 1))
    #expect((0..<grid.count).map { grid[$0].count } == [3000, 3000, 1500])
  }

  @Test(arguments: [TileGrain.elements, .rows, .slabs(from: 1), .slabs(from: 0), .tensor])
  func `runs gather tiles, and cover each once`(grain: TileGrain) {
    let grid = TileGrid(shape: [6, 300, 123], grain: grain)
    var next = 0
    for run in grid.runs(of: 0..<grid.count) {
      #expect(run.lowerBound == next)
      #expect(run.count <= grid.tilesPerRun)
      #expect(grid[run].count <= grid.largestRun)
      next = run.upperBound
    }
    #expect(next == grid.count)
    #expect(grid[0..<grid.count] == 0..<grid.elementCount)
    #expect(grid.tilesPerRun == 1 || grid.largestRun <= 65_536)
  }

  @Test(arguments: [0, 1, 63, 64, 65, 16_383, 16_384, 16_385, 5_000_000])
  func `a sample is spread over the tensor, in order, without overlap`(count: Int) {
    let pieces = Array(TileGrid(shape: [count], grain: .elements).sample)
    #expect(pieces.count == min(count / 64, max(256, count / 256 / 64)))
    var last = 0
    for piece in pieces {
      #expect(piece.lowerBound >= last)
      #expect(piece.count == 64)
      last = piece.upperBound
    }
    #expect(last <= count)
    guard count > 1_000_000 else { return }
    // Gaps of a quarter of the distance and of more than it: the beginnings are irregular.
    let gaps = zip(pieces, pieces.dropFirst()).map { $1.lowerBound - $0.lowerBound }
    #expect(Set(gaps).count > 200)
    #expect((gaps.max() ?? 0) < 2 * count / pieces.count)
  }

  @Test(arguments: [[1000, 7], [1000, 64], [1000, 100], [40, 300, 50], [3, 100_000]])
  func `a sample is not cut within a grain`(shape: [Int]) {
    let grid = TileGrid(shape: Shape(shape), grain: .rows)
    let row = shape[shape.count - 1]
    let pieces = Array(grid.sample)
    #expect(!pieces.isEmpty)
    for piece in pieces {
      #expect(piece.lowerBound % row == 0 && piece.count % row == 0)
      #expect(piece.count >= 64 && piece.count < 64 + row)
      #expect(piece.upperBound <= grid.elementCount)
      #expect(piece.count <= max(grid.tileLength, 64 + row))
    }
  }

  @Test func `a whole tensor is one tile`() {
    let grid = TileGrid(shape: [300, 1000], grain: .tensor)
    #expect(grid.count == 1)
    #expect(grid.largestTile == 300_000)
  }
}
