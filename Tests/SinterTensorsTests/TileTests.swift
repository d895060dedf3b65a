import SinterTensors
import Testing

@Suite struct TileTests {
  @Test func `a new tile holds zeros`() {
    let tile = Tile<Double>(rows: 2, capacity: 3)
    #expect(tile.rows == 2)
    #expect(tile.count == 3)
    var sum = 0.0
    for row in 0..<2 {
      for i in 0..<3 { sum += tile[row][i].magnitude }
    }
    #expect(sum == 0)
  }

  @Test(arguments: [1, 7, 8, 9, 64, 100])
  func `rows do not touch each other`(count: Int) {
    var tile = Tile<Float>(rows: 3, capacity: count)
    for row in 0..<3 {
      var span = tile.mutableRow(row)
      for i in 0..<count { span[i] = Float(100 * row + i) }
    }
    for row in 0..<3 {
      let values = (0..<count).map { tile[row][$0] }
      #expect(values == (0..<count).map { Float(100 * row + $0) })
    }
  }

  @Test func `a tile is laid out anew within what was allocated`() {
    var tile = Tile<Double>(rows: 1, capacity: 64)
    for (rows, count) in [(8, 8), (4, 10), (2, 32), (1, 64), (0, 0), (8, 1), (3, 0)] {
      tile.resize(rows: rows, count: count)
      for row in 0..<rows {
        var span = tile.mutableRow(row)
        for i in 0..<count { span[i] = Double(row * 1000 + i) }
      }
      for row in 0..<rows {
        let values = (0..<count).map { tile[row][$0] }
        #expect(values == (0..<count).map { Double(row * 1000 + $0) })
      }
    }
    #expect(Tile<Double>.byteCount(rows: 3, capacity: 9) == 3 * 16 * 8)
    #expect(Tile<Float>.byteCount(rows: 2, capacity: 0) == 0)
  }

  @Test func `a row is changed with the help of another`() {
    var tile = Tile<Double>(rows: 3, capacity: 5)
    for row in 0..<3 {
      var span = tile.mutableRow(row)
      for i in 0..<5 { span[i] = Double(10 * row + i) }
    }
    tile.update(2, with: 0) { row, other in
      for i in 0..<row.count { row[i] -= other[i] }
    }
    tile.update(0, with: 1) { row, other in
      for i in 0..<row.count { row[i] = other[i] + 1 }
    }
    let rows = (0..<3).map { row in (0..<5).map { tile[row][$0] } }
    #expect(rows == [[11, 12, 13, 14, 15], [10, 11, 12, 13, 14], [20, 20, 20, 20, 20]])
  }

  @Test func `a row cannot be its own help, nor one that is not there`() async {
    await #expect(processExitsWith: .failure) {
      var tile = Tile<Double>(rows: 2, capacity: 4)
      tile.update(1, with: 1) { _, _ in }
    }
    await #expect(processExitsWith: .failure) {
      var tile = Tile<Double>(rows: 2, capacity: 4)
      tile.update(1, with: 2) { _, _ in }
    }
    await #expect(processExitsWith: .failure) {
      var tile = Tile<Double>(rows: 2, capacity: 4)
      tile.resize(rows: 2, count: 9)
    }
  }
}
