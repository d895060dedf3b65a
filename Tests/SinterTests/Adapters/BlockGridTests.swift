import Testing

@testable import Sinter

@Suite struct BlockGridTests {
  @Test(arguments: [
    (1, 1), (1, 5000), (5000, 1), (7, 511), (7, 512), (9, 513), (33, 2048), (64, 3072), (5, 5632),
    (6, 16_384), (5, 20_000), (3, 65_536), (70, 100), (2049, 3),
  ])
  func `blocks have every element once, and run after run`(rows: Int, columns: Int) {
    let grid = BlockGrid(rows: rows, columns: columns)
    var found = [UInt8](repeating: 0, count: rows * columns)
    var next = 0
    for run in 0..<grid.runCount {
      let own = grid.rows(of: run)
      let elements = grid.elements(of: own)
      #expect(own.lowerBound == next && !own.isEmpty)
      #expect(elements == own.lowerBound * columns..<own.upperBound * columns)
      #expect(elements.count <= min(grid.largestRun, TileGrid.standardRunLength))
      next = own.upperBound
      for block in grid.blocks(of: own) {
        #expect(block.elementCount <= BlockGrid.blockLength)
        var count = 0
        for index in 0..<grid.pieceCount(block) {
          let piece = grid.piece(index, of: block)
          #expect(elements.clamped(to: piece) == piece)
          count += piece.count
          for element in piece {
            found[element] += 1
            let (row, column) = element.quotientAndRemainder(dividingBy: columns)
            if !block.rows.contains(row) || !block.columns.contains(column) { found[element] += 99 }
          }
        }
        #expect(count == block.elementCount)
      }
    }
    #expect(next == rows)
    #expect(found.allSatisfy { $0 == 1 })
  }

  @Test func `blocks of long rows have four of them`() {
    let grid = BlockGrid(rows: 40, columns: 3072)
    #expect(grid.rowsPerRun == 20)
    #expect(grid.blocks(of: 0..<20).allSatisfy { $0.rows.count == 4 })
  }
}
