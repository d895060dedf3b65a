import SinterTensors
import Testing

@testable import Sinter

@Suite struct KeptElementsTests {
  private static let grid = TileGrid(shape: [9, 2_047], grain: .rows)

  /// What is left of a row of a task vector: every third or so.
  private static func left(_ tile: Int, _ vector: Int, _ count: Int) -> [Double] {
    (0..<count).map { ($0 * 7 + tile + vector) % 3 == 0 ? Double($0 + 1) : 0 }
  }

  @Test func `what a survey found is applied to each task vector of each tile`() {
    var kept = KeptElements(Self.grid, vectorCount: 3)
    for tile in (0..<Self.grid.count).reversed() {
      let count = Self.grid[tile].count
      guard
        var marks = kept.makeMarks(ofTile: tile, elementCount: count, vectorCount: 3)
      else {
        Issue.record("tile \(tile) is not covered")
        return
      }
      for vector in 0..<3 { marks.mark(Self.left(tile, vector, count).span, ofVector: vector) }
      kept.add(marks)
    }
    for tile in 0..<Self.grid.count {
      let count = Self.grid[tile].count
      let base = (0..<count).map { Double($0) * 0.5 }
      for vector in 0..<3 {
        var row = (0..<count).map { Double($0 % 100) }
        let expected = zip(zip(row, base), Self.left(tile, vector, count)).map { pair, left in
          left == 0 ? 0 : pair.0 - pair.1
        }
        var span = row.mutableSpan
        let isKnown = kept.apply(vector: vector, tile: tile, to: &span, minus: base.span)
        #expect(isKnown)
        #expect(row == expected)
      }
    }
  }

  @Test func `the first tiles are covered as far as they fit`() {
    // Two rows to a tile: 256 marks of two bytes for each task vector, and the array.
    let bytes = 2 * 2 * 256 + 64
    #expect(Self.grid.count == 5)
    #expect(KeptElements.byteCount(Self.grid, vectorCount: 2) == 5 * bytes)
    for (limit, covered) in [(0, 0), (bytes - 1, 0), (bytes, 1), (3 * bytes, 3), (1 << 20, 5)] {
      let kept = KeptElements(Self.grid, vectorCount: 2, byteLimit: limit)
      for tile in 0..<5 {
        let marks = kept.makeMarks(ofTile: tile, elementCount: 4_094, vectorCount: 2)
        #expect((marks != nil) == (tile < covered))
      }
    }
    let large = TileGrid(shape: [100_000, 4_096], grain: .rows)
    let held = KeptElements.byteCount(large, vectorCount: 3)
    #expect(held <= KeptElements.byteLimit && held > KeptElements.byteLimit - 2_000)
  }

  @Test func `nothing is done to a tile of which nothing is known`() {
    let kept = KeptElements(Self.grid, vectorCount: 1, byteLimit: 2_000)
    for tile in 0..<5 {
      var row = [3.0, 4.0]
      var span = row.mutableSpan
      let isKnown = kept.apply(vector: 0, tile: tile, to: &span, minus: [1.0, 1.0].span)
      #expect(!isKnown)
      #expect(row == [3, 4])
    }
  }

  @Test func `what is kept at random is marked while its magnitudes are summed`() {
    let random = CounterRandom(seed: 5, stream: 6)
    let threshold = CounterRandom.threshold(for: 0.4)
    let grid = TileGrid(shape: [4_096 + 21], grain: .elements)
    var kept = KeptElements(grid, vectorCount: 2)
    for tile in 0..<2 {
      let elements = grid[tile]
      let values = elements.map { Double($0 % 50) - 20 }
      let base = elements.map { Double($0 % 7) }
      var expected = values
      var span = expected.mutableSpan
      random.drop(
        &span, minus: base.span, from: elements.lowerBound, keepingBelow: threshold)
      var marks = kept.makeMarks(ofTile: tile, elementCount: elements.count, vectorCount: 2)
      let sums = marks?.mark(
        vector: 1, values.span, minus: base.span, random, from: elements.lowerBound,
        keepingBelow: threshold)
      #expect(sums?.all == Reduction.sumOfAbsolutes(values.span, minus: base.span))
      #expect(sums?.kept == Reduction.sumOfAbsolutes(expected.span))
      if let marks { kept.add(marks) }
      var row = values
      span = row.mutableSpan
      let isKnown = kept.apply(vector: 1, tile: tile, to: &span, minus: base.span)
      #expect(isKnown)
      #expect(row == expected)
    }
  }
}
